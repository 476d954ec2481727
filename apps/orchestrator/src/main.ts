import { createHmac } from 'node:crypto';
import { join, resolve } from 'node:path';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import { loadEnvironment, secretValues } from '@cortex-mqtt/environment';
import { createExpressionEngine } from '@cortex-mqtt/expressions';
import { discoverTopics, probeConnection } from '@cortex-mqtt/mqtt';
import {
  buildInfo,
  createHealth,
  createLogger,
  createMetrics,
  createRedactor,
  guardProcess,
  type RootLogger,
} from '@cortex-mqtt/observability';
import { createQueueBackend } from '@cortex-mqtt/queues';
import { KeyRing } from '@cortex-mqtt/secrets';
import type { RequestHandler } from 'express';
import rateLimit from 'express-rate-limit';
import { createApp } from './app';
import { runCli } from './cli/run-cli';
import { OrchestratorConfig } from './config';
import { connectDatabase } from './database/connect';
import { createArchiveDataSource, createDataSource } from './database/data-source';
import { migrateUp, newerMigrations } from './database/migrate';
import { buildFeatures } from './features';
import { endPasswordSessions } from './features/auth/end-password-sessions';
import { ensureFirstAdmin } from './features/auth/first-admin';
import { createPasswordWork } from './features/auth/password-work';
import { Provisioning, variablesForFiles } from './features/configuration-plans/provisioning';
import { consoleRouter } from './features/console/console.router';
import { docsRouter } from './features/docs/docs.router';
import { healthRouter } from './features/health/health.router';
import { registerFleetMetrics } from './features/health/fleet-metrics';
import { registerDatabaseMetrics } from './features/health/database-metrics';
import { createHttpMetrics } from './features/health/http-metrics';
import { openInstallation, WrongKeyError } from './features/installation/installation';
import { createKubernetesRuntime } from './features/listeners/kubernetes/create-kubernetes-runtime';
import { createDockerRuntime } from './features/listeners/runtime/create-docker-runtime';
import type { ListenerRuntime, WantedListener } from './features/listeners/runtime/listener-runtime';
import { removeDeletedFolders } from './features/listeners/runtime/deleted-folders';
import { listenerQueueUrl } from './features/listeners/runtime/listener-queue-url';
import { passedOn } from './features/listeners/runtime/passed-on';
import { createProcessEnvironment } from './features/listeners/runtime/process-environment';
import { ProcessListenerRuntime } from './features/listeners/runtime/process-runtime';
import { reportDoor } from './features/status-reports/report-door';
import { startApiServer } from './http/api-server';
import { TooManyRequestsError, UnavailableError } from './http/app-error';
import { buildOpenApi } from './http/openapi';
import { startConnectionTestWorker } from './jobs/connection-test.worker';
import { Duty } from './jobs/duty';
import { DASHBOARD_PATH, jobDashboard } from './jobs/job-dashboard';
import { deleteEndedRows } from './jobs/ended-rows';
import { maintenance } from './jobs/maintenance';
import { periodic } from './jobs/periodic';
import { startOperationWorker } from './jobs/operation.worker';
import { Lifecycle } from './lifecycle';

export interface RunningOrchestrator {
  /** `http://host:port`, with the port that was taken. */
  url: string;
  stop(): Promise<void>;
}

/**
 * The composition root: builds everything once and starts it in order. The server answers `/livez` at once and 503 to the
 * rest until Postgres is there. Rejects, with everything stopped again, when the start fails or `signal` is aborted.
 */
export async function startOrchestrator(
  config: Readonly<OrchestratorConfig>,
  {
    logger,
    redactText,
    signal,
    environment = {},
  }: {
    logger: RootLogger;
    redactText: (text: string) => string;
    signal: AbortSignal;
    /** Where configuration files find what they name by `{env: …}`. */
    environment?: NodeJS.ProcessEnv;
  },
): Promise<RunningOrchestrator> {
  const build = buildInfo({ directory: __dirname, env: process.env });
  const lifecycle = new Lifecycle({ logger, stop_limit_ms: config.shutdownTimeout_ms + 5_000 });
  const dataSource = createDataSource({ url: config.databaseUrl, poolSize: config.databasePoolSize });
  const egress = createEgressPolicy({ allow: config.egressAllow });
  const archive =
    config.archiveDatabaseUrl === undefined
      ? dataSource
      : createArchiveDataSource({ url: config.archiveDatabaseUrl, poolSize: config.databasePoolSize });
  const queues = createQueueBackend({ url: config.effectiveQueueUrl, logger });
  const engine = createExpressionEngine();
  const passwords = createPasswordWork();
  const metrics = createMetrics({ service: 'orchestrator', ...build, defaultMetrics: true });
  const health = createHealth({ redactText });
  const guard = guardProcess({ logger });
  guard.register(metrics);
  registerFleetMetrics(metrics, { dataSource });
  let started = false;
  let runtime: ListenerRuntime | null = null;
  /** Why nothing is received, delivered or alerted by this process; see features/installation. */
  let apart: string | null = null;

  const keys = KeyRing.parse(config.encryptionKey, config.oldEncryptionKeys);
  const features = buildFeatures({
    dataSource,
    database_url: config.databaseUrl,
    queues,
    archive,
    discover: (request) => discoverTopics(request, { egress }),
    engine,
    secretBox: keys,
    egress,
    link_key: createHmac('sha256', config.encryptionKey).update('links in alert messages').digest(),
    console_url: config.publicUrl ?? `http://localhost:${config.port}`,
    passwords,
    logger,
    public_url: config.publicUrl,
    session_ttl_ms: config.sessionTtl_ms,
    single_sign_on: {
      providers: config.oidcProviders,
      is_only: config.ssoOnly,
      break_glass_email: config.breakGlassEmail,
      key: createHmac('sha256', config.encryptionKey).update('sign-ins at a provider').digest(),
    },
    stale_after_ms: config.staleAfter_ms,
    adopt_after_ms: config.adoptSessionsAfter_ms,
    onProductsChanged: () => runtime?.reconcile(),
  });
  health.register({
    name: 'database',
    check: async () => {
      if (!dataSource.isInitialized) throw new Error('not connected yet');
      await dataSource.query('SELECT 1');
    },
  });
  // Overview, configuration and reports need no queue: one that is away must not take every orchestrator out of a balancer.
  health.register({ name: 'queue', optional: true, check: () => queues.ping(1_500) });
  health.register({
    name: 'start',
    check: async () => {
      if (!started) throw new Error('the start has not finished');
    },
  });

  registerDatabaseMetrics(metrics, dataSource);
  const onRequestFinished = createHttpMetrics(metrics);
  const openApi = buildOpenApi({ routes: features.routes, version: build.version, public_url: config.publicUrl });
  const app = createApp({
    logger,
    open_api: openApi,
    routes: features.routes,
    authenticate: features.authenticate,
    identifyAgain: features.identifyAgain,
    idempotentRequests: features.idempotentRequests,
    strictLimiter: createStrictLimiter(),
    trust_proxy: config.trustProxy,
    public_url: config.publicUrl,
    onRequestFinished,
    mounts: [
      {
        path: '/',
        handler: healthRouter({
          health,
          metrics,
          metrics_token: config.metricsToken,
          listener_runtime: config.listenerRuntime,
          installationApart: () => apart,
          ...build,
        }),
      },
      { path: '/docs', handler: docsRouter({ openApi }) },
      { path: '/', handler: startGate(() => started) },
      { path: '/internal', handler: apartGate(() => apart) },
      {
        path: DASHBOARD_PATH,
        handler: jobDashboard({ queues, dataSource, identify: features.identify, public_url: config.publicUrl }),
      },
    ],
    fallbacks: [
      {
        path: '/',
        handler: consoleRouter({
          directory: resolve(config.consoleDir ?? join(__dirname, '..', '..', 'console', 'dist')),
        }),
      },
    ],
  });

  const door = reportDoor(
    {
      isOpen: () => started && apart === null,
      productOf: (token) => features.fleet.productOf(token),
      take: (product_id, report) => features.fleet.reports.take(product_id, report),
      onRequestFinished,
      logger,
    },
    app,
  );

  try {
    const server = await startApiServer(door, config);
    const url = `http://${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}`;
    await lifecycle.start({ name: 'guard', stop: () => guard.end() });
    await lifecycle.start({ name: 'expressions', stop: () => engine.stop() });
    await lifecycle.start({ name: 'queues', stop: () => queues.close() });
    await lifecycle.start({ name: 'control jobs', stop: () => features.notifier.settled() });
    await lifecycle.start({
      name: 'database',
      start: () => connectDatabase(dataSource, { wait_ms: config.databaseWait_ms, logger, signal }),
      stop: async () => {
        if (dataSource.isInitialized) await dataSource.destroy();
      },
    });
    if (archive !== dataSource) {
      await lifecycle.start({
        name: 'database of messages',
        start: () => connectDatabase(archive, { wait_ms: config.databaseWait_ms, logger, signal }),
        stop: async () => {
          if (archive.isInitialized) await archive.destroy();
        },
      });
    }
    await lifecycle.start({ name: 'server', stop: () => server.close(config.shutdownTimeout_ms) });
    const applied = await migrateUp(dataSource);
    if (archive !== dataSource) applied.push(...(await migrateUp(archive)));
    const newer = await newerMigrations(dataSource);
    if (newer.length > 0) {
      logger.error('the database is newer than this orchestrator: run it only while you upgrade or roll back', {
        migrations: newer,
      });
    }
    if (applied.length > 0) logger.info('migrations applied', { migrations: applied });
    const installation = await openInstallation(dataSource, { keys, environment_identity: config.installationId });
    apart = installation.apart;
    if (apart !== null) logger.error('this is a copy of an installation: it stays inactive', { reason: apart });
    await ensureFirstAdmin({
      dataSource,
      passwords,
      email: config.adminEmail,
      password: config.adminPassword,
      logger,
    });
    if (config.ssoOnly) await endPasswordSessions({ dataSource, kept_email: config.breakGlassEmail, logger });
    await lifecycle.start({
      name: 'reports',
      start: () => features.fleet.start(),
      stop: () => features.fleet.stop(),
    });
    await lifecycle.start({
      name: 'status stream',
      start: () => features.statusStream.start(),
      stop: () => features.statusStream.stop(),
    });
    if (apart === null) {
      const operationWorker = startOperationWorker({ queues, operations: features.operations });
      await lifecycle.start({ name: 'bulk operations', stop: () => operationWorker.close(config.shutdownTimeout_ms) });
    }
    await lifecycle.start(
      periodic({ name: 'ended rows', interval_ms: 3_600_000, work: () => deleteEndedRows(dataSource), logger }),
    );
    for (const part of maintenance(features, {
      stale_after_ms: config.staleAfter_ms,
      audit_kept_days: config.auditKept_days,
      logger,
    })) {
      await lifecycle.start(part);
    }
    if (apart === null) {
      for (const part of features.alerts.parts()) await lifecycle.start(part);
      await lifecycle.start({ name: 'calls of replays', stop: () => features.replayRunner.stop() });
      await lifecycle.start(
        periodic({
          name: 'sessions that nobody uses',
          interval_ms: 2_000,
          work: () => features.leftSessions.endUnwanted(),
          logger,
        }),
      );
      await lifecycle.start(
        periodic({ name: 'replays', interval_ms: 250, work: () => features.replayRunner.turn(), logger }),
      );
    }
    const testWorker = startConnectionTestWorker({
      queues,
      connectionTests: features.connectionTests,
      probe: (request, onStage) => probeConnection(request, { egress, tested_from: 'orchestrator', onStage }),
      logger,
    });
    await lifecycle.start({ name: 'connection tests', stop: () => testWorker.close(config.shutdownTimeout_ms) });
    started = true;
    if (config.provisioningDir !== undefined && apart === null) {
      const duty = new Duty({ name: 'apply files', dataSource, logger });
      const provisioning = new Provisioning({
        plans: features.configurationPlans,
        directory: resolve(config.provisioningDir),
        prune: config.provisioningPrune,
        env: variablesForFiles(environment),
        isMine: () => duty.isMine(),
        logger,
      });
      await lifecycle.start({ name: 'duty to apply files', stop: () => duty.release() });
      await lifecycle.start(
        periodic({ name: 'configuration files', interval_ms: 2_000, work: () => provisioning.turn(), logger }),
      );
    }
    const queueUrl = listenerQueueUrl({
      url: config.effectiveQueueUrl,
      given: config.listenerQueueUrl,
      password: createHmac('sha256', config.encryptionKey).update('queue role of listeners').digest('hex'),
      queues,
      logger,
    });
    if ((config.listenerRuntime === 'docker' || config.listenerRuntime === 'kubernetes') && apart === null) {
      const duty = new Duty({ name: 'run listeners', dataSource, logger });
      const wanted = async () => ((await duty.isMine()) ? enabledProducts(dataSource) : null);
      const create = config.listenerRuntime === 'docker' ? createDockerRuntime : createKubernetesRuntime;
      const containers = create({ config, dataSource, queueUrl, wanted, logger });
      runtime = containers;
      await lifecycle.start({ name: 'duty to run listeners', stop: () => duty.release() });
      await lifecycle.start({
        name: 'listener containers',
        // Not awaited: an image may have to be pulled first.
        start: () => void containers.start(),
        stop: () => containers.stop(),
      });
    }
    if (config.listenerRuntime === 'process' && apart === null) {
      const duty = new Duty({ name: 'run listeners', dataSource, logger });
      const processes = new ProcessListenerRuntime({
        wanted: async () => ((await duty.isMine()) ? enabledProducts(dataSource) : []),
        environment: createProcessEnvironment({
          dataSource,
          runtime: 'process',
          orchestrator_url: localUrl(server),
          queueUrl,
          data_dir: resolve(config.dataDir),
          passed_on: passedOn(config),
        }),
        entry: join(__dirname, '..', '..', 'listener', 'dist', 'main.js'),
        logger,
      });
      runtime = processes;
      const folders = periodic({
        name: 'folders of deleted products',
        interval_ms: 3_600_000,
        work: () => removeDeletedFolders(dataSource, resolve(config.dataDir)),
        logger,
      });
      await lifecycle.start(folders);
      await lifecycle.start({ name: 'duty to run listeners', stop: () => duty.release() });
      await lifecycle.start({ name: 'listeners', start: () => processes.start(), stop: () => processes.stop() });
    }
    warnOfQueueSettings(queues, logger);
    logger.info('orchestrator is ready', { url, git_commit: build.git_commit });
    return { url, stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

/** Until the start has finished only health is answered. */
function startGate(isStarted: () => boolean): RequestHandler {
  return (_request, _response, next) => {
    if (!isStarted()) throw new UnavailableError('The orchestrator is starting; it may be waiting for its database.');
    next();
  };
}

/** Listeners of a copy would take over the sessions of the original: they get nothing to run. */
function apartGate(reason: () => string | null): RequestHandler {
  return (_request, _response, next) => {
    const apart = reason();
    if (apart !== null) {
      throw new UnavailableError(
        `This is a copy of an installation: ${apart}. Run "installation adopt" or "installation keep-apart" first.`,
      );
    }
    next();
  };
}

/** A first line against floods, per process and address; the counting of failures is in the database. */
function createStrictLimiter(): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: 60,
    standardHeaders: false,
    legacyHeaders: false,
    handler: () => {
      throw new TooManyRequestsError({ detail: 'Too many requests from this address.', retry_after_s: 60 });
    },
  });
}

async function enabledProducts(dataSource: ReturnType<typeof createDataSource>): Promise<WantedListener[]> {
  return dataSource.query<WantedListener[]>(
    `SELECT p.id AS product_id, p.slug, p.replicas, c.use_shared_subscriptions AS is_shared
       FROM products p JOIN mqtt_configs c ON c.product_id = p.id WHERE p.enabled ORDER BY p.id`,
  );
}

/** Where a child process on this machine reaches the server. */
function localUrl({ host, port }: { host: string; port: number }): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Not awaited: a queue that is away must not hold up the start. */
function warnOfQueueSettings(queues: ReturnType<typeof createQueueBackend>, logger: RootLogger): void {
  queues
    .check()
    .then((warnings) => {
      for (const warning of warnings) logger.warn('queue settings can lose jobs', { warning });
    })
    .catch((error: unknown) => logger.warn('the queue is not reachable yet', { error }));
}

/** Runs until SIGTERM or SIGINT. Resolves to the exit code. */
export async function runUntilSignal(env: NodeJS.ProcessEnv): Promise<number> {
  const warnings: { variable: string; message: string }[] = [];
  const config = loadEnvironment(OrchestratorConfig, env, { onWarning: (warning) => warnings.push(warning) });
  const redactor = createRedactor();
  for (const secret of secretValues(config)) redactor.addSecret(secret);
  for (const { client_secret } of config.oidcProviders) if (client_secret !== null) redactor.addSecret(client_secret);
  const logger = createLogger({
    service: 'orchestrator',
    version: buildInfo({ directory: __dirname, env }).version,
    redactor,
    level: config.logLevel,
    format: config.logFormat,
    ...(config.logFile === undefined ? {} : { file: { path: config.logFile } }),
  });
  for (const warning of warnings) logger.warn('environment variable has no effect', warning);
  const stopping = new AbortController();
  const signalled = new Promise<void>((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      // The second one means it.
      if (stopping.signal.aborted) process.exit(1);
      logger.info('stopping', { signal });
      stopping.abort();
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
  try {
    const running = await startOrchestrator(config, {
      logger,
      redactText: (text) => redactor.redactText(text),
      signal: stopping.signal,
      environment: env,
    });
    await signalled;
    await running.stop();
    logger.info('stopped');
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    logger.error('the orchestrator could not start', { error });
    return error instanceof WrongKeyError ? 2 : 1;
  } finally {
    await logger.close();
  }
}

if (require.main === module) {
  runCli({ argv: process.argv.slice(2), env: process.env, serve: runUntilSignal }).then(
    // Not at once: what goes into a pipe is written in pieces, and an exit would cut it off.
    (code) => process.stdout.write('', () => process.exit(code)),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exit(1);
    },
  );
}
