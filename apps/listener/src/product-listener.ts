import { join } from 'node:path';
import {
  createActionRunner,
  createBreakers,
  createHttpSender,
  createPostgresSender,
  createQueueAdder,
  type JobQueues,
  nextDelay,
} from '@cortex-mqtt/actions';
import {
  asProductId,
  type ConfigSource,
  type ConnectionEvent,
  type ListenerConfigDocument,
} from '@cortex-mqtt/contracts';
import { createExpressionEngine } from '@cortex-mqtt/expressions';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { deriveClientId } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import { createDeliveryJournal, type QueueBackend, type TypedWorker } from '@cortex-mqtt/queues';
import { createHandover, type Handover } from './deliveries/handover';
import { startRetryWorker } from './deliveries/retry-worker';
import { compilePlan, identify } from './pipeline/compile-plan';
import type { EventLog } from './pipeline/event-log';
import { createMessagePipeline, type MessagePipeline } from './pipeline/message-pipeline';
import { type AppliedState, reconcileSteps, sessionPart } from './reconcile/reconcile-steps';
import { createMqttSession, type MqttSession } from './session/mqtt-session';
import { createPublishConnection, type PublishConnection } from './session/publish-connection';
import { createFileLedger } from './session/subscription-ledger';

export interface ProductListenerDeps {
  product_id: number;
  product_slug: string;
  instance_id: string;
  boot_id: string;
  data_dir: string;
  max_in_flight: number;
  egress: EgressPolicy;
  /** null: no queue is configured, the broker alone holds what is unfinished. */
  queues: QueueBackend | null;
  logger: Logger;
  eventLog: EventLog | null;
  onChange(): void;
  onEvent(event: ConnectionEvent): void;
  onCredentialsRefused(): void;
}

/** Bytes of messages that may be unacknowledged on one connection. */
const MAX_IN_FLIGHT_BYTES = 64 * 1024 * 1024;

/** Why the newest revision is not the one that runs. */
export interface RejectedRevision {
  revision: number;
  reason: string;
}

/**
 * Everything that runs for one product: session → pipeline → actions, with the queue beside it. `apply()` brings it from
 * what runs to what is wanted.
 */
export class ProductListener {
  readonly pipeline: MessagePipeline;
  /** null while the product is disabled or nothing is known yet. */
  session: MqttSession | null = null;
  readonly handover: Handover | null;
  applied: AppliedState | null = null;
  source: ConfigSource | null = null;
  rejected: RejectedRevision | null = null;
  private readonly publishing: PublishConnection;
  private readonly http: ReturnType<typeof createHttpSender>;
  private readonly postgres: ReturnType<typeof createPostgresSender>;
  private readonly engine = createExpressionEngine();
  private readonly runner: ReturnType<typeof createActionRunner>;
  private readonly breakers: ReturnType<typeof createBreakers>;
  private readonly stopping = new AbortController();
  private retryWorker: TypedWorker | null = null;
  private work: Promise<void> = Promise.resolve();

  constructor(private readonly deps: ProductListenerDeps) {
    const { egress, logger, queues } = deps;
    this.publishing = createPublishConnection({
      broker: () => this.session?.activeBroker() ?? null,
      client_id: deriveClientId(deps),
      egress,
      logger,
    });
    this.http = createHttpSender({ egress });
    this.postgres = createPostgresSender({ egress });
    this.runner = createActionRunner({
      engine: this.engine,
      runtime: {
        http: this.http,
        publisher: this.publishing,
        queues: queues ? createQueueAdder({ backend: queues }) : NO_QUEUES,
        postgres: this.postgres,
        log: { log: (level, message, fields) => logger[level](message, fields) },
      },
    });
    this.breakers = createBreakers({
      onChange: (destination, state) =>
        logger.warn(state === 'open' ? 'destination is left alone for a while' : 'destination is well again', {
          destination,
        }),
    });
    this.pipeline = createMessagePipeline({
      identify,
      nextDelay: ({ attempts_made, retry, retry_after_ms }) => nextDelay(retry, attempts_made, retry_after_ms),
      eventLog: deps.eventLog,
      onDropped: (delivery) =>
        logger.error('delivery given up: no queue is configured for dead letters', {
          subscription_id: delivery.runtime.id,
          message_id: delivery.message_id,
          topic: delivery.message.topic,
          reason: delivery.dead_reason,
        }),
    });
    this.handover = queues ? this.createHandover(queues) : null;
    if (this.handover) this.pipeline.useOverflow(this.handover);
  }

  /** Applies documents one after another. Resolves when the session is on its way there. */
  apply(document: ListenerConfigDocument, source: ConfigSource): Promise<void> {
    const run = this.work.then(() => this.applyNow(document, source));
    this.work = run;
    return run;
  }

  /** A document that could not even be read; what runs goes on. */
  reject(rejected: RejectedRevision): void {
    this.rejected = rejected;
    this.deps.onEvent({ at: new Date().toISOString(), type: 'config_rejected', broker: null, detail: { ...rejected } });
    this.deps.onChange();
  }

  /** Disconnects at once: the credentials in use are not ours to use any longer. */
  async withdraw(): Promise<void> {
    await this.work;
    await this.endSession(0);
    this.applied = null;
    this.deps.onChange();
  }

  /** Takes no more messages, ends what is in flight within `drain_ms`, disconnects. */
  async stop({ drain_ms }: { drain_ms: number }): Promise<void> {
    await this.work;
    await this.retryWorker?.close(drain_ms);
    // What does not end in time is safe in the queue, so that the broker can be answered.
    this.handover?.handOverAll();
    await this.endSession(drain_ms);
    await this.handover?.stop();
    this.stopping.abort();
    await Promise.all([this.publishing.stop(), this.http.close(), this.postgres.close(), this.engine.stop()]);
  }

  private async applyNow(document: ListenerConfigDocument, source: ConfigSource): Promise<void> {
    const { logger } = this.deps;
    try {
      const steps = reconcileSteps(document, this.applied);
      for (const step of steps) {
        switch (step.kind) {
          case 'swap-plan':
            this.pipeline.apply(
              compilePlan(document, {
                runner: this.runner,
                engine: this.engine,
                breakers: this.breakers,
                route: (message) => this.session?.route(message as Parameters<MqttSession['route']>[0]) ?? [],
                signal: this.stopping.signal,
              }),
            );
            break;
          case 'start-session':
            this.session = this.createSession();
            this.session.start(sessionPart(document));
            break;
          case 'reconcile-session':
            await this.session?.reconcile(sessionPart(document));
            break;
          case 'stop-session':
            await this.endSession(5_000);
            break;
          case 'reconnect':
            await this.session?.reconnect();
            break;
          default:
            step satisfies never;
        }
      }
      const is_new = this.applied?.document.revision !== document.revision;
      this.applied = { document, is_session_running: document.enabled };
      this.source = source;
      this.rejected = null;
      this.startRetries();
      if (is_new) {
        logger.info('configuration applied', {
          revision: document.revision,
          source,
          steps: steps.map((step) => step.kind),
        });
        this.deps.onEvent({
          at: new Date().toISOString(),
          type: 'config_applied',
          broker: null,
          detail: { revision: document.revision, source },
        });
      }
      this.deps.onChange();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn('configuration could not be applied; the one before goes on', { revision: document.revision, error });
      this.reject({ revision: document.revision, reason });
    }
  }

  private createSession(): MqttSession {
    const { egress, logger } = this.deps;
    const session = createMqttSession({
      client_id: deriveClientId(this.deps),
      egress,
      logger,
      onMessage: (message) => this.pipeline.accept(message),
      onCredentialsRefused: this.deps.onCredentialsRefused,
      limits: { messages: this.deps.max_in_flight, bytes: MAX_IN_FLIGHT_BYTES },
      ledger: createFileLedger({ directory: join(this.deps.data_dir, 'sessions'), logger }),
    });
    session.on('change', this.deps.onChange);
    session.on('event', this.deps.onEvent);
    return session;
  }

  private async endSession(drain_ms: number): Promise<void> {
    await this.session?.stop({ drain_ms });
    this.session = null;
  }

  private startRetries(): void {
    const { queues, product_id } = this.deps;
    if (this.retryWorker || !queues) return;
    this.retryWorker = startRetryWorker({ backend: queues, product_id, pipeline: this.pipeline });
  }

  private createHandover(backend: QueueBackend): Handover {
    const { product_id, boot_id, logger } = this.deps;
    return createHandover({
      journal: createDeliveryJournal({ backend, product_id: asProductId(product_id) }),
      engine: this.pipeline.engine,
      product_id,
      handover_after_ms: () => this.pipeline.plan()?.handover_after_ms ?? 20,
      boot_id,
      deliveryId: (delivery) => `${delivery.message_id}-${delivery.runtime.id}`,
      logger,
    });
  }
}

/** Without a queue the `queue` action cannot work; the delivery tells so. */
const NO_QUEUES: JobQueues = {
  add: () => Promise.reject(new Error('this listener has no QUEUE_URL, so it cannot add jobs')),
};
