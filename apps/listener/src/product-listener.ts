import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  ActionFault,
  createActionRunner,
  createBreakers,
  createHttpSender,
  createPostgresSender,
  createQueueAdder,
  HopMemory,
  type JobQueues,
  nextDelay,
  OpenBatches,
  type Publisher,
  type PublishRequest,
} from '@cortex-mqtt/actions';
import {
  asProductId,
  type BrokerConnection,
  type ConfigSource,
  type ConnectionEvent,
  type LeftSession,
  type ListenerConfigDocument,
  type ReportedSession,
  type TestMessageOutcome,
  waitAtMost,
} from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { createExpressionEngine } from '@cortex-mqtt/expressions';
import {
  deriveClientId,
  deriveProductClientId,
  endSessionWithLanes,
  settingsFault,
  sharedFilter,
  takesTurns,
} from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import {
  createDeliveryJournal,
  createDeliverySurvey,
  DeadLetterBound,
  type DeadLetterLimits,
  type DeliveryJournal,
  type QueueBackend,
  type TypedWorker,
} from '@cortex-mqtt/queues';
import { createHandover, type Handover } from './deliveries/handover';
import { OrderGuard } from './deliveries/order-guard';
import { ParkingLot } from './deliveries/parking-lot';
import { Recall } from './deliveries/recall';
import { startRetryWorker } from './deliveries/retry-worker';
import { AttemptMeter } from './observations/attempt-meter';
import { DestinationMeter } from './observations/destination-meter';
import { SilenceWatcher } from './observations/silence-watcher';
import { compilePlan, createIdentify } from './pipeline/compile-plan';
import type { CompiledPlan } from './pipeline/compiled-plan';
import type { EventLog } from './pipeline/event-log';
import { createInFlightMemory, type InFlightMemory } from './pipeline/in-flight-memory';
import { createMessagePipeline, type MessagePipeline } from './pipeline/message-pipeline';
import { type BrokerProbes, createBrokerProbes } from './probe/broker-probes';
import { type AppliedState, reconcileSteps, sessionPart } from './reconcile/reconcile-steps';
import { createRecording, type Recording } from './recording/recording';
import type { PostResult } from './recording/segment-sender';
import { ReplicaRole } from './replica/replica-role';
import { SuspensionWatch } from './replica/suspension-watch';
import { createRoleMemory } from './replica/role-memory';
import { type AdoptedSession, SessionAdopter } from './replica/session-adopter';
import { DiscardedMessages } from './reporting/discarded-messages';
import { type QueueGauge, startQueueGauge } from './reporting/queue-gauge';
import { createBrokerSessions } from './session/broker-sessions';
import { type DropWatch, startDropWatch } from './session/drop-watch';
import type { IncomingMessage } from './session/incoming-message';
import { createMqttSession, type MqttSession } from './session/mqtt-session';
import { LeftSessionEmptier } from './session/left-session';
import { type LeftSessionRegister, LeftSessions } from './session/left-sessions';
import { createPublishConnection, type PublishConnection } from './session/publish-connection';
import { type SharedProofs, startSharedProofs } from './session/shared-proof';
import { SideConnections } from './session/side-connections';
import { ReportedSessions } from './session/reported-sessions';
import { createFileLedger, createTermLedger } from './session/subscription-ledger';
import type { Tracer } from './tracing/tracer';

export interface ProductListenerDeps {
  product_id: number;
  product_slug: string;
  instance_id: string;
  boot_id: string;
  data_dir: string;
  max_in_flight: number;
  /** Larger payloads are discarded. */
  max_payload_bytes: number;
  dead_letters: DeadLetterLimits;
  /** Whether there is an orchestrator, which says whose turn it is; without one this instance is the only one. */
  has_orchestrator: boolean;
  egress: EgressPolicy;
  /** null: no queue is configured, the broker alone holds what is unfinished. */
  queues: QueueBackend | null;
  logger: Logger;
  eventLog: EventLog | null;
  /** null: nothing is traced. */
  tracer: Tracer | null;
  /** Hides the secrets of the configuration in a text. */
  redact(text: string): string;
  /** Stores recorded messages; null: there is nobody who would. */
  segments: { post(bytes: Buffer): Promise<PostResult>; secret: string } | null;
  /** Knows which sessions earlier configurations have left; null: nobody does. */
  leftSessions: LeftSessionRegister | null;
  onChange(): void;
  onEvent(event: ConnectionEvent): void;
  onCredentialsRefused(): void;
}

/** Bytes of messages that may be unacknowledged on one connection. */
const MAX_IN_FLIGHT_BYTES = 64 * 1024 * 1024;

/** So soon at least a destination that is back is noticed. */
const LONGEST_BREAKER_PAUSE_MS = 15_000;

/** Within a second of its limit a silence is found. */
const SILENCE_EVERY_MS = 1_000;

const TEST_MESSAGE_LIMIT_MS = 8_000;

/** A process that did not run for this long was suspended; less is a busy machine. */
const SUSPENDED_AFTER_MS = 5_000;
/** How long a role, or a place in a group, is safe from others after an answer: the lease, and the least silence before a session is adopted. */
const SAFE_FOR_MS = { turn: 8_000, member: 15_000 };

/** What is in flight has this long to end when it becomes another instance's turn. */
const STEP_DOWN_MS = 5_000;

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
  readonly probe: BrokerProbes;
  readonly drops: DropWatch;
  readonly shared: SharedProofs;
  readonly sides: SideConnections;
  readonly role: ReplicaRole;
  /** null: there is no orchestrator that would store what was received. */
  readonly recording: Recording | null;
  /** null: no queue is configured. */
  readonly queue_gauge: QueueGauge | null;
  readonly deadLetters: DeadLetterBound | null;
  readonly discarded: DiscardedMessages;
  applied: AppliedState | null = null;
  source: ConfigSource | null = null;
  rejected: RejectedRevision | null = null;
  private readonly publishing: PublishConnection;
  private readonly http: ReturnType<typeof createHttpSender>;
  private readonly postgres: ReturnType<typeof createPostgresSender>;
  private readonly engine = createExpressionEngine();
  private readonly runner: ReturnType<typeof createActionRunner>;
  readonly breakers: ReturnType<typeof createBreakers>;
  private readonly inFlight: InFlightMemory;
  private readonly orderGuard: OrderGuard | null;
  private readonly parking = new ParkingLot();
  private readonly recall: Recall | null;
  private readonly open_batches = new OpenBatches();
  readonly destinations: DestinationMeter;
  readonly attempts = new AttemptMeter();
  readonly silence = new SilenceWatcher();
  private readonly silence_timer: NodeJS.Timeout;
  private readonly stopping = new AbortController();
  private retryWorker: TypedWorker | null = null;
  private work: Promise<void> = Promise.resolve();
  private is_stopping = false;
  private readonly born_at_ms = Date.now();
  private readonly reported = new ReportedSessions();
  /** The session, other than the present one, whose message is just being taken. */
  private receiving: { route(message: IncomingMessage): readonly number[] } | null = null;
  readonly adopter: SessionAdopter;
  private readonly emptier: LeftSessionEmptier;
  private ended_connections = 0;
  private readonly suspension: SuspensionWatch;
  /** Of the present session. Shut: what it still brings is neither run nor acknowledged, so the broker sends it again. */
  private gate = { is_open: true };
  private readonly leftSessions: LeftSessions | null;
  /** Filters of documents that came while another instance was active: it may have subscribed to them. */
  private readonly suspects = new Set<string>();

  constructor(private readonly deps: ProductListenerDeps) {
    const { egress, logger, queues } = deps;
    // Each attempt of a `publish` or `postgres` action listens to it while it is under way: no leak, however many.
    setMaxListeners(0, this.stopping.signal);
    this.sides = new SideConnections({
      onHarm: (broker, by) => {
        logger.error('A further connection of ours ended the live one', { broker, by });
        deps.onChange();
      },
    });
    this.publishing = createPublishConnection({
      ...this.beside('the one that publish actions and probes publish on'),
      broker: () => this.session?.activeBroker() ?? null,
      client_id: deriveClientId(deps),
      egress,
      logger,
    });
    this.http = createHttpSender({ egress });
    this.postgres = createPostgresSender({ egress });
    this.runner = createActionRunner({
      engine: this.engine,
      redact: deps.redact,
      runtime: {
        http: this.http,
        publisher: this.publishing,
        hops: new HopMemory(),
        queues: queues ? createQueueAdder({ backend: queues }) : NO_QUEUES,
        postgres: this.postgres,
        log: {
          log: (level, message, fields) => logger[level](message, fields),
          isEnabled: (level) => logger.isEnabled(level),
        },
      },
    });
    this.breakers = createBreakers({
      max_pause_ms: LONGEST_BREAKER_PAUSE_MS,
      onChange: (destination, state) => {
        logger.warn(state === 'open' ? 'destination is left alone for a while' : 'destination is healthy again', {
          destination,
        });
        if (state === 'closed') this.recall?.reached(destination);
        deps.onChange();
      },
    });
    this.destinations = new DestinationMeter({ breakerOf: (destination) => this.breakers.facts(destination) });
    this.silence_timer = setInterval(() => {
      if (this.silence.hasChanged()) deps.onChange();
    }, SILENCE_EVERY_MS);
    this.silence_timer.unref();
    this.recording =
      deps.segments &&
      createRecording({
        ...deps.segments,
        data_dir: deps.data_dir,
        product_id: deps.product_id,
        engine: this.engine,
        logger,
      });
    this.inFlight = createInFlightMemory({
      directory: deps.data_dir,
      onFault: (error) =>
        logger.warn('in-flight messages cannot be saved to disk: after a kill, redelivered messages get new ids', {
          error,
        }),
    });
    this.pipeline = createMessagePipeline({
      identify: createIdentify(this.inFlight),
      onSettled: (message) => this.inFlight.settled(message),
      recorder: this.recording?.recorder ?? null,
      tracer: deps.tracer,
      silence: this.silence,
      nextDelay: ({ attempts_made, retry, retry_after_ms }) => nextDelay(retry, attempts_made, retry_after_ms),
      eventLog: deps.eventLog,
      onDropped: (delivery) =>
        logger.error('delivery failed permanently: no queue is configured for dead letters', {
          subscription_id: delivery.runtime.id,
          message_id: delivery.message_id,
          topic: delivery.message.topic,
          reason: delivery.dead_reason,
          ...(delivery.trace === null ? {} : { trace_id: delivery.trace.trace_id }),
        }),
    });
    this.probe = createBrokerProbes({
      instance_id: deps.instance_id,
      publisherFor: (broker) => this.createProbePublisher(broker),
      connectedBrokers: () => this.session?.connectedBrokers().map(({ name }) => name) ?? [],
      brokerOf: (message) => this.session?.brokerOf(message) ?? null,
      onChange: deps.onChange,
      onEvent: deps.onEvent,
    });
    this.shared = startSharedProofs({
      sharing: () => (this.applied?.document.shared_group == null ? [] : (this.session?.connectedBrokers() ?? [])),
      connack: () => this.session?.snapshot().broker_info ?? {},
      ...this.beside('the one that tries shared subscriptions'),
      egress,
      logger,
      onChange: deps.onChange,
    });
    this.drops = startDropWatch({
      brokers: () => this.session?.connectedBrokers() ?? [],
      ...this.beside('the one that reads $SYS'),
      egress,
      logger,
      onChange: deps.onChange,
    });
    this.adopter = new SessionAdopter({
      open: (input) => this.openAdopted(input),
      brokerAt: ({ host, port }) =>
        this.applied?.document.brokers.find((broker) => broker.host === host && broker.port === port) ?? null,
      onEvent: deps.onEvent,
      logger,
    });
    this.emptier = this.createEmptier();
    this.leftSessions =
      deps.leftSessions &&
      new LeftSessions({
        register: deps.leftSessions,
        empty: (left) => this.emptier.empty(left),
        isReady: () => this.session?.isConnected() ?? false,
        logger,
      });
    this.role = new ReplicaRole({
      memory: deps.has_orchestrator ? createRoleMemory({ directory: deps.data_dir, logger }) : null,
      logger,
      onChange: () => this.reconsider(),
    });
    this.suspension = new SuspensionWatch({
      limit_ms: SUSPENDED_AFTER_MS,
      onSuspended: (gap_ms) => this.onSuspended(gap_ms),
    });
    this.discarded = new DiscardedMessages({
      max_payload_bytes: deps.max_payload_bytes,
      logger,
      onChange: deps.onChange,
    });
    this.deadLetters =
      queues &&
      new DeadLetterBound({
        backend: queues,
        product_id: deps.product_id,
        limits: deps.dead_letters,
        logger,
        onChange: deps.onChange,
      });
    this.deadLetters?.start();
    const journal =
      queues && createDeliveryJournal({ backend: queues, product_id: asProductId(deps.product_id), logger });
    this.recall = queues && this.createRecall(queues);
    this.handover = journal && this.recall && this.createHandover(journal, this.recall);
    this.queue_gauge = journal && startQueueGauge({ journal, logger });
    if (this.handover) this.pipeline.useOverflow(this.handover);
    this.orderGuard = queues && this.createOrderGuard(queues);
    if (this.orderGuard) this.pipeline.useKeyHold((id, key) => this.orderGuard?.holds(id, key) ?? false);
  }

  /** Applies documents one after another. Resolves when the session is on its way there. */
  apply(document: ListenerConfigDocument, source: ConfigSource): Promise<void> {
    const run = this.work.then(() => this.applyNow(document, source));
    this.work = run;
    return run;
  }

  /** A document that could not even be read; what runs continues. */
  reject(rejected: RejectedRevision): void {
    this.rejected = rejected;
    this.deps.onEvent({ at: new Date().toISOString(), type: 'config_rejected', broker: null, detail: { ...rejected } });
    this.deps.onChange();
  }

  /**
   * Disconnects and works nothing more: the credentials and secrets in use are not ours to use any longer. `ends_sessions`: the
   * product is deleted, so first what the broker holds is delivered within `drain_ms`, and nothing is left there.
   */
  async withdraw(
    options: { ends_sessions: boolean; drain_ms: number } = { ends_sessions: false, drain_ms: 0 },
  ): Promise<void> {
    await this.work;
    this.leftSessions?.use([]);
    await this.emptier.stop();
    await this.adopter.letGo();
    if (options.ends_sessions) await this.leaveBrokers(options.drain_ms);
    await this.endSession(0);
    await this.stopRetries();
    this.applied = null;
    this.deps.onChange();
  }

  /** Publishes a message of a person who wants to see one, on the broker in use; the reason when that fails. */
  async publishTestMessage(message: { topic: string; payload: string; qos: 0 | 1 | 2 }): Promise<TestMessageOutcome> {
    const request: PublishRequest = {
      topic: message.topic,
      payload: Buffer.from(message.payload),
      qos: message.qos,
      retain: false,
      user_properties: {},
      content_type: null,
      message_expiry_s: null,
    };
    const signal = AbortSignal.timeout(TEST_MESSAGE_LIMIT_MS);
    const attempt = async (): Promise<TestMessageOutcome> => {
      try {
        await this.publishing.publish(request, { signal });
        return { published: true };
      } catch (error) {
        if (!(error instanceof ActionFault)) throw error;
        return { published: false, reason: error.message };
      }
    };
    const first = await attempt();
    // The first connection may have been what found out that the broker speaks 3.1.1 only.
    return first.published || signal.aborted || this.publishing.supports_properties ? first : attempt();
  }

  /** Somebody wants a destination tried now, or its breaker closed; false where nothing was ever sent to it. */
  changeBreaker({ destination_id, change }: { destination_id: string; change: 'try_now' | 'close' }): boolean {
    const name = this.destinations.nameOf(destination_id);
    if (name === undefined) return false;
    if (change === 'close') this.breakers.close(name);
    else {
      this.breakers.tryNow(name);
      this.recall?.lookNow(name);
    }
    this.deps.onChange();
    return true;
  }

  /** What the orchestrator knows of sessions at the brokers, and this instance may have no notes of. */
  learn(sessions: readonly ReportedSession[]): void {
    this.reported.replace(sessions);
    this.session?.learn();
  }

  /** Attempts that wait for a connection of ours. Their time limits have not begun. */
  get waiting_attempts(): { webhook: number; postgres: number } {
    return { webhook: this.http.waiting, postgres: this.postgres.waiting };
  }

  /** Whether this instance waits for its turn: another one has, or may have, the session at the broker. */
  get is_waiting_for_turn(): boolean {
    const document = this.applied?.document;
    return document?.enabled === true && takesTurns(document) && !this.role.is_active;
  }

  /** Whether the broker divides the messages between the instances. */
  get shares_load(): boolean {
    const document = this.applied?.document;
    return document?.enabled === true && !takesTurns(document);
  }

  /**
   * Takes no more messages, ends what is in flight within `drain_ms`, disconnects. `leave_group`: other instances go on, so
   * the broker must not keep messages of the shared group for this one. `ends_sessions`: the product is deleted.
   */
  async stop({
    drain_ms,
    leave_group = false,
    ends_sessions = false,
  }: {
    drain_ms: number;
    leave_group?: boolean;
    ends_sessions?: boolean;
  }): Promise<void> {
    this.is_stopping = true;
    this.open_batches.drain();
    clearInterval(this.silence_timer);
    this.suspension.stop();
    this.role.stop();
    const probes_stopped = this.probe.stop();
    this.drops.stop();
    this.shared.stop();
    this.queue_gauge?.stop();
    this.deadLetters?.stop();
    await this.emptier.stop();
    await this.leftSessions?.stop();
    await this.adopter.stop();
    await this.work;
    const until_ms = Date.now() + drain_ms;
    const left_ms = (): number => Math.max(0, until_ms - Date.now());
    if (ends_sessions) await this.leaveBrokers(drain_ms / 2);
    else if (leave_group) await this.session?.leaveGroup({ limit_ms: drain_ms / 2 });
    await this.retryWorker?.close(left_ms());
    // What does not end in time is safe in the queue, so that the broker can be answered.
    this.handover?.handOverAll();
    await this.endSession(left_ms());
    this.orderGuard?.end();
    // Those are acknowledged and still running: ended here, they would all run once more from the queue.
    await waitAtMost(left_ms(), this.pipeline.drain());
    await this.handover?.stop();
    await this.recording?.stop();
    this.inFlight.close();
    this.stopping.abort();
    await Promise.all([
      probes_stopped,
      this.publishing.stop(),
      this.http.close(),
      this.postgres.close(),
      this.engine.stop(),
    ]);
  }

  private onConnectionEnded({ broker, detail }: ConnectionEvent): void {
    if (detail.code === 'CLOSED_BY_LISTENER') return;
    this.ended_connections += 1;
    if (broker !== null) this.sides.liveEnded(broker);
  }

  /** What is asked, and said, around a connection beside the session. */
  private beside(by: string) {
    return {
      refusal: (broker: BrokerConnection) => this.sides.refusal(broker),
      onConnack: (broker: BrokerConnection) => this.sides.opened(broker, by),
    };
  }

  /** Of a test of settings that may not be saved: by address, since that is where the live session could be harmed. */
  besideTest({ host, port }: Pick<BrokerConnection, 'host' | 'port'>) {
    const live = this.session?.connectedBrokers().find((broker) => broker.host === host && broker.port === port);
    return {
      refusal: live ? this.sides.refusal(live) : null,
      onConnack: () => live && this.sides.opened(live, 'a connection test'),
    };
  }

  /**
   * While the process did not run another instance may have taken the session, or emptied it: what lies in our sockets may have run there.
   * The session is ended without acknowledging it. Where instances take turns, another begins only once it is confirmed whose
   * turn it is; in a group, at once.
   */
  private onSuspended(gap_ms: number): void {
    if (!this.deps.has_orchestrator || !this.session || !this.gate.is_open) return;
    const in_turn = this.applied !== null && takesTurns(this.applied.document);
    if (Date.now() - this.role.confirmed_at_ms <= SAFE_FOR_MS[in_turn ? 'turn' : 'member']) return;
    this.gate.is_open = false;
    this.deps.logger.warn('this process did not run for a while; what came meanwhile is asked for again', { gap_ms });
    const { gate } = this;
    if (in_turn) this.role.suspended(gap_ms);
    this.work = this.work.then(async () => {
      if (this.gate !== gate || !this.applied || !this.source || this.is_stopping) return;
      await this.endSession(0);
      this.applied = { ...this.applied, is_session_running: false };
      await this.applyNow(this.applied.document, this.source);
    });
  }

  /** The role is another: connects or disconnects accordingly. */
  private reconsider(): void {
    this.work = this.work.then(async () => {
      if (this.applied && this.source && !this.is_stopping) await this.applyNow(this.applied.document, this.source);
    });
  }

  private mayRun(document: ListenerConfigDocument): boolean {
    return !takesTurns(document) || this.role.is_active;
  }

  private async applyNow(document: ListenerConfigDocument, source: ConfigSource): Promise<void> {
    const { logger, instance_id } = this.deps;
    let is_begun = false;
    try {
      // What is from disk or environment is there because the orchestrator can't be asked.
      if (source !== 'orchestrator') await this.role.unanswered();
      const may_run = this.mayRun(document);
      // Before the first message comes.
      if (may_run && document.enabled) this.orderGuard?.begin();
      const steps = reconcileSteps(document, this.applied, { may_run, instance_id });
      if (!may_run) this.suspect(document);
      // What can fail comes first: nothing is closed before it is known that the next can be opened.
      const plan = steps.some(({ kind }) => kind === 'swap-plan') ? this.compile(document) : null;
      this.refuseUnusable(document);
      is_begun = true;
      for (const step of steps) {
        switch (step.kind) {
          case 'swap-plan':
            this.recording?.recorder.use(document.archive ?? null, document.subscriptions);
            if (plan) this.pipeline.apply(plan);
            // What waits under the plan before waits for nobody any more.
            this.open_batches.flush();
            break;
          case 'start-session':
            this.session = this.createSession(document);
            this.session.start(sessionPart(document, instance_id));
            break;
          case 'reconcile-session':
            await this.session?.reconcile(sessionPart(document, instance_id));
            break;
          case 'stop-session':
            await this.endSession(may_run ? STEP_DOWN_MS : 0);
            break;
          case 'reconnect':
            await this.session?.reconnect();
            break;
          default:
            step satisfies never;
        }
      }
      const is_new = this.applied?.document.revision !== document.revision;
      const is_session_running = document.enabled && may_run;
      this.applied = { document, is_session_running };
      this.source = source;
      this.rejected = null;
      this.probe.use(
        is_session_running ? document.probe : null,
        document.brokers.map(({ name }) => name),
      );
      this.leftSessions?.use(is_session_running ? leftToUs(document, deriveClientId(this.deps)) : []);
      // Whoever is active works the queue as well: `publish` actions need the broker, and ordered ones one worker.
      if (may_run) this.startRetries();
      else await this.stopRetries();
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
      logger.warn('configuration could not be applied; the previous one keeps running', {
        revision: document.revision,
        error,
      });
      if (is_begun && this.applied) this.applied = { ...this.applied, is_unsure: true };
      this.reject({ revision: document.revision, reason });
    }
  }

  private compile(document: ListenerConfigDocument): CompiledPlan {
    return compilePlan(document, {
      runner: this.runner,
      engine: this.engine,
      breakers: this.breakers,
      meter: this.destinations,
      attempts: this.attempts,
      route: (message) => (this.receiving ?? this.session)?.route(message as IncomingMessage) ?? [],
      signal: this.stopping.signal,
      open_batches: this.open_batches,
    });
  }

  /**
   * A broker that could not be connected to does not take the place of one that works. Where nothing runs there is nothing to
   * keep: then it is a failed attempt with its reason, and the next of the list has its turn.
   * @throws Error that names broker and field
   */
  private refuseUnusable(document: ListenerConfigDocument): void {
    if (!this.applied?.is_session_running || !document.enabled) return;
    const before = this.applied.document.brokers;
    for (const broker of document.brokers) {
      const fault = before.some((other) => isDeepStrictEqual(other, broker)) ? null : settingsFault(broker);
      if (fault !== null) throw new Error(`broker "${broker.name}": ${fault.message}`);
    }
  }

  /** By the connection of the `publish` actions where that leads to this broker, else by one of its own. */
  private createProbePublisher(broker: string): Publisher & { stop(): Promise<void> } {
    const { egress, logger } = this.deps;
    const own = createPublishConnection({
      broker: () => this.session?.connectedBrokers().find(({ name }) => name === broker) ?? null,
      client_id: deriveClientId(this.deps),
      suffix: 'Q',
      ...this.beside('the one that the delivery probe publishes on'),
      egress,
      logger,
    });
    const current = (): Publisher => (this.session?.activeBroker()?.name === broker ? this.publishing : own);
    return {
      get supports_properties() {
        return current().supports_properties;
      },
      publish: (request, options) => current().publish(request, options),
      stop: () => own.stop(),
    };
  }

  private createSession(document: ListenerConfigDocument): MqttSession {
    const { egress, logger, product_id, data_dir } = this.deps;
    const in_turn = takesTurns(document);
    const { session_key } = document;
    const ledger = createFileLedger({ directory: join(data_dir, 'sessions'), logger });
    const gate = { is_open: true };
    this.gate = gate;
    const session = createBrokerSessions({
      client_id:
        in_turn && session_key !== null
          ? deriveProductClientId({ product_id, session_key })
          : deriveClientId(this.deps),
      egress,
      logger,
      onMessage: (message) => {
        this.suspension.look();
        if (gate.is_open && !this.probe.take(message)) this.pipeline.accept(message);
      },
      onCredentialsRefused: this.deps.onCredentialsRefused,
      reported: this.reported,
      limits: {
        messages: this.deps.max_in_flight,
        bytes: MAX_IN_FLIGHT_BYTES,
        payload_bytes: this.deps.max_payload_bytes,
      },
      onDiscarded: (message) => this.discarded.note(message),
      // In a group each life of the process is a term of its own: another member may have emptied the session between two.
      ledger: createTermLedger(ledger, {
        term: in_turn ? this.role.term : this.born_at_ms,
        suspects: in_turn ? [...this.suspects] : [],
      }),
    });
    this.suspects.clear();
    session.on('change', this.deps.onChange);
    session.on('event', (event) => {
      if (event.type === 'disconnected') this.onConnectionEnded(event);
      this.deps.onEvent(event);
      // A rival that the broker does not name shows as a link that flaps.
      if ((event.type === 'taken_over' || event.type === 'flapping') && in_turn) this.role.stepBack();
    });
    return session;
  }

  /** The session of a member that is gone: its messages go the way of all others, by a plan of its own. */
  private openAdopted({ broker, client_id }: { broker: BrokerConnection; client_id: string }): AdoptedSession {
    const { egress, logger, max_in_flight } = this.deps;
    let messages = 0;
    const session = createMqttSession({
      client_id,
      egress,
      logger,
      limits: { messages: max_in_flight, bytes: MAX_IN_FLIGHT_BYTES, payload_bytes: this.deps.max_payload_bytes },
      onDiscarded: (message) => this.discarded.note(message),
      onMessage: (message) => {
        // A canary of the one that is gone is no message of the product.
        if (this.probe.take(message)) return;
        messages += 1;
        // Which subscriptions it is for is asked for within the call.
        this.receiving = session;
        this.pipeline.accept(message);
        this.receiving = null;
      },
    });
    const document = this.applied?.document;
    session.start({
      brokers: [broker],
      failover: { subscribe_on: 'one', after_s: null, failback_after_s: null },
      shared_group: document?.shared_group ?? null,
      subscriptions: document?.subscriptions ?? [],
    });
    return { session, messages: () => messages };
  }

  private createEmptier(): LeftSessionEmptier {
    const { egress, logger, max_in_flight, max_payload_bytes } = this.deps;
    return new LeftSessionEmptier({
      egress,
      logger,
      limits: { messages: max_in_flight, bytes: MAX_IN_FLIGHT_BYTES, payload_bytes: max_payload_bytes },
      subscriptions: () => this.applied?.document.subscriptions ?? [],
      onMessage: (message, route) => {
        if (this.probe.take(message)) return;
        this.receiving = { route };
        this.pipeline.accept(message);
        this.receiving = null;
      },
      onDiscarded: (message) => this.discarded.note(message),
      isStopped: () => this.is_stopping || this.applied?.is_session_running !== true,
      ends: () => this.ended_connections,
    });
  }

  private suspect({ subscriptions, shared_group }: ListenerConfigDocument): void {
    for (const { topic_filter } of subscriptions)
      this.suspects.add(shared_group === null ? topic_filter : sharedFilter(shared_group, topic_filter));
  }

  /** Takes the subscriptions back, has what is on its way delivered, and ends the sessions at the brokers in use. */
  private async leaveBrokers(limit_ms: number): Promise<void> {
    const { session } = this;
    const document = this.applied?.document;
    if (!session || !document) return;
    await session.leaveGroup({ limit_ms });
    const held = session.snapshot().brokers;
    await this.endSession(limit_ms);
    for (const { name, client_id } of held) {
      const broker = document.brokers.find((one) => one.name === name);
      if (!broker || client_id === null || broker.clean_session) continue;
      try {
        await endSessionWithLanes({ broker, client_id }, this.deps);
      } catch (error) {
        // The orchestrator has it on its list, and tries for as long as it takes.
        this.deps.logger.warn('a session of the deleted product could not be ended', { broker: name, error });
      }
    }
  }

  private async endSession(drain_ms: number): Promise<void> {
    await this.session?.stop({ drain_ms });
    this.session = null;
  }

  private startRetries(): void {
    const { queues, product_id } = this.deps;
    const { recall } = this;
    if (this.retryWorker || !queues || !recall) return;
    this.retryWorker = startRetryWorker({
      backend: queues,
      product_id,
      pipeline: this.pipeline,
      recall,
      orderGuard: this.orderGuard ?? undefined,
      deadLetters: this.deadLetters ?? undefined,
      claimOn: (job_id) => this.handover?.claimOn(job_id) ?? 'free',
      logger: this.deps.logger,
    });
  }

  private async stopRetries(): Promise<void> {
    const worker = this.retryWorker;
    this.retryWorker = null;
    this.orderGuard?.end();
    await worker?.close(STEP_DOWN_MS);
  }

  private createOrderGuard(backend: QueueBackend): OrderGuard {
    const { logger, product_id } = this.deps;
    const survey = createDeliverySurvey({ backend, product_id: asProductId(product_id) });
    return new OrderGuard({
      survey,
      isOwn: (job_id) => this.handover?.claimOn(job_id) !== 'free',
      onReleased: (subscription_id, key) => this.pipeline.releaseKey(subscription_id, key),
      logger,
    });
  }

  private createRecall(backend: QueueBackend): Recall {
    return new Recall({
      survey: createDeliverySurvey({ backend, product_id: asProductId(this.deps.product_id) }),
      parking: this.parking,
      resumeHere: (destination, limit) => this.handover?.resumeParked(destination, limit) ?? 0,
      logger: this.deps.logger,
    });
  }

  private createHandover(journal: DeliveryJournal, recall: Recall): Handover {
    const { product_id, boot_id, logger } = this.deps;
    return createHandover({
      journal,
      engine: this.pipeline.engine,
      product_id,
      handover_after_ms: () => this.pipeline.plan()?.handover_after_ms ?? 20,
      boot_id,
      deliveryId: (delivery) => `${delivery.message_id}-${delivery.runtime.id}`,
      parking: this.parking,
      recall,
      deadLetters: this.deadLetters ?? undefined,
      logger,
    });
  }
}

/** A session under the id of another member of the group is that member's: nobody else notices if it is in use after all. */
function leftToUs(document: ListenerConfigDocument, own_client_id: string): LeftSession[] {
  const left = document.left_sessions ?? [];
  if (takesTurns(document)) return left;
  const of_members = new RegExp(`^cmqp${document.product_id}[ih]`);
  return left.filter(({ client_id }) => client_id === own_client_id || !of_members.test(client_id));
}

/** Without a queue the `queue` action cannot work; the delivery tells so. */
const NO_QUEUES: JobQueues = {
  add: () => Promise.reject(new Error('this listener has no QUEUE_URL, so it cannot add jobs')),
  addBulk: () => Promise.reject(new Error('this listener has no QUEUE_URL, so it cannot add jobs')),
};
