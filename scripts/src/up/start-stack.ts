import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isPortFree, startEmbeddedBroker } from '@cortex-mqtt/embedded';
import { startDemo } from '../demo/start-demo';
import { ensureApiToken } from './api-token';
import type { DataFolder } from './data-folder';
import { startKeptPostgres } from './kept-postgres';
import { keepLogsSmall } from './log-keeper';
import { type UpOptions, UsageError } from './options';
import type { Progress } from './progress';
import { createRestClient } from './rest-client';
import type { RunRecordFile, StackAddresses } from './run-record';
import { type SupervisedProcess, startSupervisedProcess } from './supervised-process';

export interface StackDeps {
  options: UpOptions;
  data: DataFolder;
  record: RunRecordFile;
  progress: Progress;
  /** Path of the orchestrator's compiled entry. */
  orchestratorEntry: string;
  env: NodeJS.ProcessEnv;
  /** Aborted when the person wants it to stop while it starts. */
  signal: AbortSignal;
  /** A part can't be kept running. */
  onGivenUp(text: string): void;
}

export interface Stack {
  addresses: StackAddresses;
  /** Things the person should know, in words. */
  notes: string[];
}

const DEFAULT_PORT = 8004;
const PORTS_TRIED = 100;
const READY_TIMEOUT_MS = 180_000;

/**
 * Starts all parts in order, each once the one before is healthy. `stops` gets what undoes each, in the order of starting,
 * also when a later part fails: the caller runs them backwards.
 *
 * @throws UsageError for a port that is taken; other errors tell which part failed and why.
 */
export async function startStack(deps: StackDeps, stops: (() => Promise<void>)[]): Promise<Stack> {
  const { options, data, record, progress, signal } = deps;
  const secrets = data.secrets();
  const previous = data.ports();
  const notes: string[] = [];
  const port = options.port ?? DEFAULT_PORT;
  await assertPortMayBeUsed(options);

  const logs = [join(data.logs, 'orchestrator.log'), join(data.logs, 'up.log')];
  let databaseUrl = options.databaseUrl;
  if (databaseUrl === undefined) {
    const postgres = await progress.step('starting Postgres', () =>
      startKeptPostgres({ dataDir: data.postgres, onCrash: progress.say, onGivenUp: deps.onGivenUp }),
    );
    logs.push(postgres.logFile);
    stops.push(() => progress.step('stopping Postgres', () => postgres.stop()));
    databaseUrl = postgres.url;
  }
  const stopKeeping = keepLogsSmall(logs, { onFault: progress.say });
  stops.push(async () => stopKeeping());
  signal.throwIfAborted();

  const broker = await progress.step('starting the MQTT broker', async () => {
    const credentials = { username: secrets.broker_username, password: secrets.broker_password };
    const again = previous.broker !== undefined && (await isPortFree(previous.broker)) ? previous.broker : undefined;
    return startEmbeddedBroker({ ...credentials, port: again });
  });
  stops.push(() => progress.step('stopping the MQTT broker', () => broker.stop()));
  data.savePorts({ broker: broker.port });
  signal.throwIfAborted();

  const orchestratorPort = options.port ?? (await firstFreePort(port));
  if (orchestratorPort !== port) {
    notes.push(`port ${port} is taken, so the orchestrator is on ${orchestratorPort}`);
  }
  const orchestratorUrl = `http://${reachableHost(deps.env.HOST)}:${orchestratorPort}`;
  const orchestrator = startSupervisedProcess({
    name: 'the orchestrator',
    entry: deps.orchestratorEntry,
    logFile: join(data.logs, 'orchestrator.log'),
    env: orchestratorEnvironment(deps, { port: orchestratorPort, databaseUrl }),
    onStarted: (process) => record.update({ children: [{ name: 'orchestrator', process }] }),
    onCrash: progress.say,
    onGivenUp: deps.onGivenUp,
  });
  stops.push(() => progress.step('stopping the orchestrator and its listeners', () => orchestrator.stop()));
  await progress.step('starting the orchestrator', () => untilReady(orchestratorUrl, orchestrator.failure, signal));
  orchestrator.markReady();

  const apiToken = await progress.step('signing in', () => ensureApiToken({ orchestratorUrl, data, env: deps.env }));
  if (apiToken === null) {
    notes.push('the administrator has another password by now, so no API token could be made for this start');
  }
  signal.throwIfAborted();
  if (options.demo && apiToken !== null) {
    const rest = createRestClient(orchestratorUrl, { authorization: `Bearer ${apiToken}` });
    notes.push(await startDemo({ rest, data, broker, previous, progress, signal }, stops));
  }

  const brokerUrl = new URL(broker.url);
  brokerUrl.username = secrets.broker_username;
  brokerUrl.password = secrets.broker_password;
  return {
    notes,
    addresses: {
      orchestrator_url: orchestratorUrl,
      console_url: `${orchestratorUrl}/`,
      docs_url: `${orchestratorUrl}/docs`,
      queues_url: `${orchestratorUrl}/admin/queues`,
      admin_email: deps.env.ADMIN_EMAIL ?? secrets.admin_email,
      admin_password: deps.env.ADMIN_PASSWORD ?? secrets.admin_password,
      api_token: apiToken,
      broker_url: brokerUrl.href,
      data_dir: data.path,
    },
  };
}

/** A port that was asked for is used or refused, never replaced: somebody relies on it. */
async function assertPortMayBeUsed(options: UpOptions): Promise<void> {
  if (options.port !== undefined && !(await isOrchestratorPortFree(options.port))) {
    throw new UsageError(
      `port ${options.port} is taken by another program; choose another PORT, or none to get the next free one`,
    );
  }
}

/** Taken on the loopback address or on all addresses: either would be in the way. */
async function isOrchestratorPortFree(port: number): Promise<boolean> {
  return (await isPortFree(port, '127.0.0.1')) && (await isPortFree(port, '0.0.0.0'));
}

async function firstFreePort(from: number): Promise<number> {
  for (let port = from; port < from + PORTS_TRIED; port++) {
    if (await isOrchestratorPortFree(port)) {
      return port;
    }
  }
  throw new UsageError(`the ports ${from} to ${from + PORTS_TRIED - 1} are all taken; choose another with PORT`);
}

/** Where a browser on this machine reaches what listens on HOST. */
function reachableHost(host: string | undefined): string {
  if (!host || host === '0.0.0.0' || host === '::') {
    return '127.0.0.1';
  }
  return host.includes(':') ? `[${host}]` : host;
}

function orchestratorEnvironment(
  deps: StackDeps,
  { port, databaseUrl }: { port: number; databaseUrl: string },
): NodeJS.ProcessEnv {
  const { options, data, env } = deps;
  const secrets = data.secrets();
  const hasOwn = (name: string) => Boolean(env[name] || env[`${name}_FILE`]);
  return {
    ...env,
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    QUEUE_URL: options.queueUrl ?? databaseUrl,
    DATA_DIR: data.path,
    LISTENER_RUNTIME: env.LISTENER_RUNTIME ?? 'process',
    // The demo's broker and receiver are on this machine; a server refuses such destinations otherwise.
    EGRESS_ALLOW: [env.EGRESS_ALLOW, '127.0.0.0/8', '::1/128'].filter(Boolean).join(','),
    ...(hasOwn('MQTT_PASSWORD_ENCRYPTION_KEY') ? {} : { MQTT_PASSWORD_ENCRYPTION_KEY: secrets.encryption_key }),
    ...(hasOwn('ADMIN_EMAIL') ? {} : { ADMIN_EMAIL: secrets.admin_email }),
    ...(hasOwn('ADMIN_PASSWORD') ? {} : { ADMIN_PASSWORD: secrets.admin_password }),
  };
}

async function untilReady(url: string, failure: SupervisedProcess['failure'], signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let last = 'it does not answer';
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const failed = failure();
    if (failed) {
      // 2 is what the orchestrator answers to a configuration that can't be.
      throw failed.code === 2 ? new UsageError(failed.text) : new Error(failed.text);
    }
    try {
      const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
      if (response.ok) {
        return;
      }
      last = `it answers ${response.status}: ${await response.text()}`;
    } catch (error) {
      last = (error as Error).message;
    }
    await delay(50);
  }
  throw new Error(`the orchestrator is not ready after ${READY_TIMEOUT_MS / 1000} s: ${last}`);
}
