import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import { probeConnection } from '@cortex-mqtt/mqtt';
import {
  type BuildInfo,
  createHealth,
  createMetrics,
  createEventLog as createRotatingEventLog,
  guardProcess,
  type Logger,
  type Metrics,
  type Redactor,
  startHealthServer,
} from '@cortex-mqtt/observability';
import { createQueueBackend, type QueueBackend, type TypedWorker } from '@cortex-mqtt/queues';
import { EncryptedFile } from '@cortex-mqtt/secrets';
import { writeToStream } from 'mqtt-packet';
import type { ListenerConfig } from './config';
import { ConfigSourceChain, type SourcedDocument } from './config-source/config-source';
import { environmentDocument } from './config-source/environment-document';
import { createOrchestratorClient } from './config-source/orchestrator-client';
import { startControlWorker } from './jobs/control.worker';
import { createEventLog } from './pipeline/event-log';
import { ProductListener } from './product-listener';
import { DeltaBox } from './reporting/delta-box';
import { registerListenerMetrics } from './reporting/listener-metrics';
import { type IdleReason, statusFacts } from './reporting/status-facts';
import { StatusReporter } from './reporting/status-reporter';
import { createTracing } from './tracing/create-tracing';

const LAST_REPORT_LIMIT_MS = 2_000;
const TRACES_LIMIT_MS = 2_000;

const NO_CONFIGURATION: IdleReason = {
  reason: 'There is no configuration: the orchestrator is not reachable, and neither disk nor environment has one.',
  reason_code: 'NO_CONFIGURATION',
  advice: 'Check ORCHESTRATOR_URL and the network between, or set MQTT_HOST to listen without an orchestrator.',
};

/** A running listener. */
export interface RunningListener {
  health_port: number;
  stop(): Promise<void>;
}

/** Builds everything once and starts it; `stop()` takes it down in reverse. */
export async function startListener(
  config: ListenerConfig,
  deps: { logger: Logger; redactor: Redactor; build: BuildInfo },
): Promise<RunningListener> {
  const { logger, redactor, build } = deps;
  // mqtt-packet would make a buffer for each of the 65,536 numbers at the first packet: 6 MiB, for what costs little to make.
  writeToStream.cacheNumbers = false;
  const identity = {
    instance_id: config.instanceId,
    boot_id: randomUUID(),
    version: build.version,
    started_at: new Date(),
  };
  const data_dir = resolve(config.dataDir);
  const egress = createEgressPolicy({ allow: [...config.egressAllow] });
  const queues: QueueBackend | null =
    config.queueUrl === undefined ? null : createQueueBackend({ url: config.queueUrl, logger });
  const client =
    config.orchestratorUrl === undefined || config.listenerToken === undefined
      ? null
      : createOrchestratorClient({
          url: config.orchestratorUrl,
          token: config.listenerToken,
          instance_id: config.instanceId,
        });
  const rotatingEventLog =
    config.eventLog === undefined ? null : createRotatingEventLog({ path: config.eventLog, redactor });
  const guard = guardProcess({ logger });
  const tracing = createTracing(config, {
    version: build.version,
    product: () => listener?.applied?.document.product_slug ?? '',
    logger,
  });
  const delta = new DeltaBox();
  let listener: ProductListener | null = null;
  let control: TypedWorker | null = null;
  let idle: IdleReason | null = NO_CONFIGURATION;
  let is_stopped = false;
  let applying: Promise<void> = Promise.resolve();

  const reporter =
    client === null
      ? null
      : new StatusReporter({
          post: (report) => client.postStatus(report),
          facts: () => statusFacts(identity, listener, { is_stopped, idle, cache_fault: source.cacheFault }),
          collect: () => {
            for (const counters of listener?.pipeline.takeCounterNews() ?? []) delta.addCounters(counters);
          },
          delta,
          heartbeat_ms: config.heartbeatInterval_ms,
          logger,
          onBehind: () => void source.refresh(),
          onReply: (reply, asked_at_ms) => {
            // Before the turn: a session that begins with it knows what there was.
            if (reply.known_sessions?.length) listener?.learn(reply.known_sessions);
            if (reply.silence_watches) listener?.silence.use(reply.silence_watches);
            listener?.adopter.offer(reply.orphans ?? []);
            listener?.role.told(
              {
                // An orchestrator of before there were roles has one instance for a product.
                role: reply.role ?? 'active',
                term: reply.term ?? 1,
                active_instance_id: reply.active_instance_id ?? null,
              },
              asked_at_ms,
            );
          },
          onUnreachable: () => void listener?.role.unanswered(),
          onTokenRefused: () => void source.refresh(),
        });

  const obtainListener = (sourced: SourcedDocument): ProductListener => {
    listener ??= new ProductListener({
      ...identity,
      product_id: sourced.document.product_id,
      product_slug: sourced.document.product_slug,
      data_dir,
      max_in_flight: config.maxInFlight,
      max_payload_bytes: config.maxPayloadBytes,
      dead_letters: {
        max: config.deadLettersMax,
        max_bytes: config.deadLettersMaxMb * 1024 * 1024,
        when_full: config.deadLettersWhenFull,
      },
      has_orchestrator: client !== null,
      egress,
      queues,
      redact: redactor.redactText,
      logger: logger.child({ product_id: sourced.document.product_id }),
      segments:
        client === null || config.listenerToken === undefined
          ? null
          : { post: (bytes) => client.postSegment(bytes), secret: config.listenerToken },
      tracer: tracing?.tracer ?? null,
      leftSessions: client?.leftSessions ?? null,
      eventLog: rotatingEventLog === null ? null : createEventLog((line) => rotatingEventLog.record(line as never)),
      onChange: () => reporter?.changed(),
      onEvent: (event) => {
        delta.addEvent(event);
        reporter?.changed();
      },
      onCredentialsRefused: () => {
        source.forgetVersion();
        void source.refresh();
      },
    });
    return listener;
  };

  const source = new ConfigSourceChain({
    client,
    cache:
      config.listenerToken === undefined
        ? null
        : new EncryptedFile({
            path: join(data_dir, 'last-known-good'),
            secret: config.listenerToken,
            purpose: 'listener configuration',
          }),
    environment: environmentDocument(config),
    poll_interval_ms: config.pollInterval_ms,
    logger,
    onDocument: (sourced) => {
      idle = null;
      for (const secret of secretsOf(sourced)) redactor.addSecret(secret);
      const target = obtainListener(sourced);
      applying = target.apply(sourced.document, sourced.source);
      if (control === null && queues && client) {
        control = startControlWorker({
          queues,
          product_id: sourced.document.product_id,
          instance_id: identity.instance_id,
          client,
          refresh: async () => {
            await source.refresh();
            await applying;
          },
          probe: (request, onStage) => {
            const { refusal, onConnack } = target.besideTest(request.broker);
            return probeConnection(request, {
              egress,
              tested_from: `listener:${identity.instance_id}`,
              ...(refusal === null ? {} : { without_session: refusal }),
              onStage: (stage) => {
                if (stage.stage === 'connect' && stage.state === 'passed') onConnack();
                onStage(stage);
              },
            });
          },
          recentMessages: (subscription_id) => target.pipeline.recentMessages(subscription_id),
          publishTestMessage: (message) => target.publishTestMessage(message),
          changeBreaker: (change) => target.changeBreaker(change),
          logger,
        });
      }
    },
    onRejected: (rejected) => listener?.reject(rejected),
    onTokenUnknown: () => {
      // A parent that started this process makes a new token; nobody else hears it.
      if (process.connected) process.send?.({ kind: 'token-unknown' }, undefined, {}, () => undefined);
    },
    onTokenRefused: (reason, { is_deleted }) => {
      idle = is_deleted
        ? { reason, reason_code: 'PRODUCT_DELETED', advice: 'Stop this listener: there is nothing left to listen for.' }
        : {
            reason,
            reason_code: 'TOKEN_REFUSED',
            advice: 'Create a new listener token for this product and start the listener with it.',
          };
      if (listener) applying = listener.withdraw({ ends_sessions: is_deleted, drain_ms: config.stopTimeout_ms });
    },
  });

  let metrics: Metrics | null = null;
  const metricsOfListener = (): Metrics => {
    if (metrics === null) {
      metrics = createMetrics({ service: 'listener', version: build.version, git_commit: build.git_commit });
      registerListenerMetrics(metrics, () => listener, tracing?.exporter ?? null);
      guard.register(metrics);
    }
    return metrics;
  };
  const health = createHealth({ redactText: (text) => redactor.redactText(text) });
  health.register({
    name: 'broker',
    check: async () => {
      const facts = statusFacts(identity, listener, { is_stopped, idle });
      if (facts.state !== 'connected' && facts.state !== 'degraded' && facts.state !== 'standby') {
        throw new Error(facts.reason ?? facts.state);
      }
    },
  });
  if (queues) health.register({ name: 'queue', check: () => queues.ping(1_500) });
  const server = await startHealthServer({
    port: config.healthPort,
    host: config.healthHost,
    health,
    metrics: metricsOfListener,
    extra: () => {
      const { state, reason, config_source, applied_revision } = statusFacts(identity, listener, { is_stopped, idle });
      return { state, reason, config_source, applied_revision };
    },
  });
  await source.start();
  await applying;
  reporter?.start();
  logger.info('listener is running', { instance_id: identity.instance_id, health_port: server.port, ...build });

  return {
    health_port: server.port,
    async stop() {
      await source.stop();
      await control?.close(1_000);
      const shares_load = listener?.shares_load ?? false;
      const ask_limit_ms = Math.max(LAST_REPORT_LIMIT_MS, shares_load ? config.stopTimeout_ms / 2 : 0);
      const leaving = (await reporter?.askToLeave(ask_limit_ms)) ?? 'stay';
      await listener?.stop({
        drain_ms: config.stopTimeout_ms,
        leave_group: shares_load && leaving === 'may_leave',
        ends_sessions: leaving === 'deleted',
      });
      await tracing?.exporter.stop(TRACES_LIMIT_MS);
      is_stopped = true;
      await reporter?.stop(LAST_REPORT_LIMIT_MS);
      await queues?.close();
      await client?.close();
      await rotatingEventLog?.close();
      await server.close();
    },
  };
}

/** Whatever must never be in a log. */
function secretsOf({ document }: SourcedDocument): string[] {
  const ofBrokers = document.brokers.flatMap((broker) => [
    broker.password,
    broker.proxy_password,
    broker.client_key,
    broker.client_key_passphrase,
  ]);
  const ofProduct = Object.values(document.secrets);
  return [...ofBrokers, ...ofProduct, ...ofProduct.map(passwordOf)].filter((secret) => secret != null);
}

/** Of a secret that is a URL. A destination may repeat the password alone. */
function passwordOf(secret: string): string | null {
  const url = URL.canParse(secret) ? new URL(secret) : null;
  if (url === null || url.password === '') return null;
  try {
    return decodeURIComponent(url.password);
  } catch {
    // Not percent-encoded after all: then it is written as it stands.
    return url.password;
  }
}
