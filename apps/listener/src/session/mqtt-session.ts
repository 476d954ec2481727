import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  type BrokerConnection,
  type ConnectionEvent,
  type ListenerConfigDocument,
  type ListenerSubscription,
  waitAtMost,
} from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { type ConnackDetail, laneClientId } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import { type DiscardedMessage, type ReceiverLimits, ReceiverSession } from './acknowledgement/receiver-session';
import { DEFAULT_BACKOFF } from './backoff';
import { BrokerLink, isRefusal, type LinkEvents, type LinkFailure, type LinkTiming } from './broker-link';
import { FailbackMonitor } from './failback-monitor';
import type { IncomingMessage } from './incoming-message';
import type { ReportedSessions } from './reported-sessions';
import { SerialWork } from './serial-work';
import {
  brokerSnapshots,
  deriveState,
  deriveWarnings,
  type LeftBroker,
  type SessionSnapshot,
  type SessionState,
} from './session-snapshot';
import { createMemoryLedger, type LedgerEntry, type SubscriptionLedger } from './subscription-ledger';
import {
  type PlannedSubscription,
  planSubscriptions,
  type RetiredIdentifier,
  retireIdentifiers,
  type SubscriptionPlan,
} from './subscription-plan';

/** What the session should be; parts of a ListenerConfigDocument. */
export type DesiredSession = Pick<ListenerConfigDocument, 'brokers' | 'failover' | 'shared_group'> & {
  subscriptions: readonly Pick<ListenerSubscription, 'id' | 'topic_filter' | 'qos'>[];
};

export interface SessionTiming extends LinkTiming {
  /** Messages in flight may take this long before another broker is gone over to. */
  switch_drain_ms: number;
  /** Before going back to the first broker, what the other one still holds may take this long to come. */
  failback_drain_ms: number;
}

export const DEFAULT_TIMING: SessionTiming = {
  ...DEFAULT_BACKOFF,
  stable_after_ms: 10_000,
  refused_filter_retry_ms: 60_000,
  suback_timeout_ms: 30_000,
  switch_drain_ms: 5_000,
  failback_drain_ms: 60_000,
};

export const DEFAULT_LIMITS: ReceiverLimits = { messages: 2_000, bytes: 64 * 1024 * 1024 };

export interface MqttSessionDeps {
  /** For brokers without a client id of their own: see `deriveClientId`. The same after a restart. */
  client_id: string;
  egress: EgressPolicy;
  logger: Logger;
  /** Called for every message, in order of receipt. Must not throw; `message.settle()` acknowledges it. */
  onMessage: (message: IncomingMessage) => void;
  /** Hears of messages that were larger than they may be. */
  onDiscarded?: (message: DiscardedMessage) => void;
  /** The broker refused user name or password: time to ask for the configuration again. */
  onCredentialsRefused?: () => void;
  /** What one connection holds at most. */
  limits?: ReceiverLimits;
  /** Remembers subscriptions beyond the process; default within it. */
  ledger?: SubscriptionLedger;
  /** By these the loss of a session shows that the ledger knows nothing of; default none. */
  reported?: ReportedSessions;
  timing?: Partial<SessionTiming>;
  random?: () => number;
}

export interface MqttSession {
  /** Connects to the brokers of `desired`; returns at once. */
  start(desired: DesiredSession): void;
  /**
   * Goes over to `desired`: reconnects only when the broker in use has changed, else sends only the SUBSCRIBEs and UNSUBSCRIBEs
   * that differ. Messages are routed by `desired` from now on. Resolves when that is under way, not when the broker answered.
   */
  reconcile(desired: DesiredSession): Promise<void>;
  /** Ends the connections and connects again; a persistent session continues. */
  reconnect(): Promise<void>;
  /**
   * Takes no more messages, waits up to `drain_ms` for those in flight, acknowledges them and disconnects without UNSUBSCRIBE.
   * What was not settled by then comes again at the next connection.
   */
  stop(options: { drain_ms: number }): Promise<void>;
  /**
   * Before `stop()`: takes the subscriptions back, so that the broker gives nothing more to this session, and keeps receiving
   * what is on its way until it is quiet, `limit_ms` at most. The next start subscribes again.
   */
  leaveGroup(options: { limit_ms: number }): Promise<void>;
  /**
   * Resolves with true when no message came for a moment and none is in flight, with false when `isPatient` says no or it is stopped.
   */
  untilQuiet(isPatient: () => boolean): Promise<boolean>;
  snapshot(): SessionSnapshot;
  /** Whether every connection is there, and the broker has answered every SUBSCRIBE. */
  isConnected(): boolean;
  /** The broker in use, for what else connects to it; null while there is none. */
  activeBroker(): BrokerConnection | null;
  /** Every broker that is connected to and subscribed on: more than one only with `subscribe_on: all`. */
  connectedBrokers(): BrokerConnection[];
  /** There is something new in `reported`. */
  learn(): void;
  /** Name of the broker that a message came from; null when it came from none that is in use. */
  brokerOf(message: IncomingMessage): string | null;
  /** Ids of the subscriptions that this copy of a message has to run, ascending within a filter; empty: none matches. */
  route(message: IncomingMessage): readonly number[];
  /** Something in `snapshot()` is different. At most once in a turn of the event loop. */
  on(event: 'change', listener: () => void): void;
  /** For the history. */
  on(event: 'event', listener: (event: ConnectionEvent) => void): void;
}

export function createMqttSession(deps: MqttSessionDeps): MqttSession {
  return new Session(deps);
}

/** What the broker in use said about itself; decides about the plan. */
type PlanFacts = Pick<Parameters<typeof planSubscriptions>[0], 'protocol_version' | 'identifiers_available'>;

const UNCONFIGURED: SessionState = {
  state: 'unconfigured',
  reason: 'No broker is configured.',
  reason_code: 'NOT_CONFIGURED',
  advice: 'Enter the host of the broker in the broker settings.',
};

/**
 * Looks in a row, so far apart, without a new message: nothing more is on its way. Looks rather than time on the clock: a
 * process that did not get the processor for a while has messages waiting in its socket.
 */
const QUIET_CHECKS = 25;
const QUIET_CHECK_MS = 20;

class Session implements MqttSession {
  private readonly events = new EventEmitter();
  private readonly timing: SessionTiming;
  private readonly limits: ReceiverLimits;
  private readonly ledger: SubscriptionLedger;
  private readonly random: () => number;
  private desired: DesiredSession | null = null;
  /** Of the broker in use, one for each lane. */
  private links: BrokerLink[] = [];
  private broker: BrokerConnection | null = null;
  private facts: PlanFacts | null = null;
  private plan: SubscriptionPlan | null = null;
  private retired: RetiredIdentifier[] = [];
  /** By session at the broker: outlives connections and changes of settings that leave the session what it is. */
  private readonly receivers = new Map<string, ReceiverSession>();
  private failover_timer: NodeJS.Timeout | undefined;
  /** Of the broker in use; 1 where it admits one client id only. */
  private max_lanes: number | undefined;
  private lane_refusal: string | null = null;
  private monitor: FailbackMonitor | null = null;
  private messages = 0;
  private is_stopped = false;
  private change_is_scheduled = false;
  private told: SessionState = { state: 'starting', reason: null, reason_code: null, advice: null };
  private told_since_ms = Date.now();
  /** The broker that was gone back from: it keeps the session, and what is published there. */
  private left: LeftBroker | null = null;
  /** Changes of brokers and lanes happen one after another. */
  private readonly work = new SerialWork();

  constructor(private readonly deps: MqttSessionDeps) {
    this.timing = { ...DEFAULT_TIMING, ...deps.timing };
    this.limits = deps.limits ?? DEFAULT_LIMITS;
    this.ledger = deps.ledger ?? createMemoryLedger();
    this.random = deps.random ?? Math.random;
  }

  on(event: 'change', listener: () => void): void;
  on(event: 'event', listener: (event: ConnectionEvent) => void): void;
  on(event: 'change' | 'event', listener: (event: ConnectionEvent) => void): void {
    this.events.on(event, listener);
  }

  start(desired: DesiredSession): void {
    this.reconcile(desired).catch((error: unknown) => {
      this.deps.logger.error('the session could not be started', { error });
    });
  }

  reconcile(desired: DesiredSession): Promise<void> {
    return this.inOrder(async () => {
      this.desired = desired;
      const { left } = this;
      // Where it is not to fail over to, another session may be.
      if (left && !desired.brokers.some(({ name }) => name === left.broker.name)) this.left = null;
      const next = desired.brokers.find(({ name }) => name === this.broker?.name) ?? desired.brokers[0] ?? null;
      if (next !== null && isDeepStrictEqual(next, this.broker)) {
        await this.replan();
        this.watchFailover();
        return;
      }
      // Another session: what is in flight would come again by the one that is left, when that is emptied.
      if (this.broker && (next === null || this.sessionOf(next, 0) !== this.sessionOf(this.broker, 0)))
        await this.settleInFlight();
      await this.closeLinks();
      if (next !== null) await this.openLinks(next);
    });
  }

  reconnect(): Promise<void> {
    return this.inOrder(async () => {
      await Promise.all(this.links.map((link) => link.reconnect()));
    });
  }

  async stop(options: { drain_ms: number }): Promise<void> {
    const worked = this.work.stop();
    this.stopTimers();
    await worked;
    for (const receiver of this.receivers.values()) receiver.stopAccepting();
    await this.drain(options.drain_ms);
    await this.closeLinks();
    await this.ledger.flush();
    this.is_stopped = true;
    this.changed();
  }

  async leaveGroup({ limit_ms }: { limit_ms: number }): Promise<void> {
    const worked = this.work.stop();
    this.stopTimers();
    await worked;
    const until_ms = Date.now() + limit_ms;
    const unsubscribed = Promise.all(this.links.map((link) => link.unsubscribeAll()));
    await waitAtMost(limit_ms, unsubscribed);
    if ((await this.untilQuiet(() => Date.now() < until_ms)) || this.is_stopped) return;
    this.deps.logger.warn('left the shared group before the broker had delivered all messages of this instance', {
      waited_ms: limit_ms,
    });
  }

  async untilQuiet(isPatient: () => boolean): Promise<boolean> {
    for (let seen = this.messages, quiet = 0; quiet < QUIET_CHECKS; seen = this.messages) {
      if (!isPatient() || this.is_stopped) return false;
      await sleep(QUIET_CHECK_MS);
      const is_idle = [...this.receivers.values()].every(({ in_flight }) => in_flight === 0);
      quiet = is_idle && this.messages === seen ? quiet + 1 : 0;
    }
    return true;
  }

  isConnected(): boolean {
    return this.links.length > 0 && this.links.every(({ phase }) => phase === 'connected');
  }

  activeBroker(): BrokerConnection | null {
    return this.broker;
  }

  learn(): void {
    for (const link of this.links) this.teach(link);
  }

  private teach(link: BrokerLink): void {
    const known = this.deps.reported?.find(link.broker, link.client_id) ?? null;
    if (known === null) return;
    link.learn(known);
    if (link.is_connected) this.deps.reported?.forget(link.broker, link.client_id);
  }

  connectedBrokers(): BrokerConnection[] {
    return this.broker && this.isConnected() ? [this.broker] : [];
  }

  brokerOf({ connection }: IncomingMessage): string | null {
    return this.links.some(({ name }) => name === connection) ? (this.broker?.name ?? null) : null;
  }

  route(message: IncomingMessage): readonly number[] {
    const lane = this.links.find(({ name }) => name === message.connection)?.lane ?? 0;
    return this.plan?.route(lane, message) ?? [];
  }

  snapshot(): SessionSnapshot {
    const { state, reason, reason_code, advice } = this.currentState();
    const [first] = this.links;
    const down = this.links.find((link) => !link.is_connected) ?? first;
    const oldest_ms = [...this.receivers.values()]
      .map(({ oldest_received_at_ms }) => oldest_received_at_ms)
      .filter((at) => at !== null)
      .reduce<number | null>((oldest, at) => (oldest === null || at < oldest ? at : oldest), null);
    const whole = {
      state,
      state_since: timestamp(this.told_since_ms)!,
      reason,
      reason_code,
      advice,
      broker: this.broker && { name: this.broker.name, host: this.broker.host, port: this.broker.port },
      broker_info:
        first?.connack && first.is_connected
          ? { ...first.connack, ...(first.tls === null ? {} : { tls: first.tls }) }
          : {},
      client_id: first ? (first.connack?.assigned_client_id ?? first.client_id) : null,
      connected_at: timestamp(first?.connected_at_ms),
      disconnected_at: timestamp(down?.disconnected_at_ms),
      recovery:
        down && !down.is_connected && down.attempt > 0
          ? {
              attempt: down.attempt,
              next_try_at: timestamp(down.next_try_at_ms),
              is_refused: down.failure !== null && isRefusal(down.failure),
            }
          : null,
      topic_filters: this.links.flatMap((link) => link.states()),
      warnings: deriveWarnings({
        ...{ links: this.links, plan: this.plan, left: this.left, lane_refusal: this.lane_refusal },
        now: new Date(),
      }),
      oldest_unacknowledged_ms: oldest_ms === null ? null : Math.max(0, Date.now() - oldest_ms),
      in_flight: [...this.receivers.values()].reduce((sum, { in_flight }) => sum + in_flight, 0),
    };
    return { ...whole, brokers: brokerSnapshots(whole, first?.kept_session ?? null) };
  }

  private currentState(): SessionState {
    if (this.is_stopped) return { state: 'stopped', reason: null, reason_code: null, advice: null };
    if (this.desired === null) return { state: 'starting', reason: null, reason_code: null, advice: null };
    if (this.desired.brokers.length === 0) return UNCONFIGURED;
    if (this.links.length === 0) return { state: 'connecting', reason: null, reason_code: null, advice: null };
    return deriveState(this.links);
  }

  private inOrder(work: () => Promise<void>): Promise<void> {
    return this.work.run(async () => {
      await work();
      this.changed();
    });
  }

  private async openLinks(broker: BrokerConnection): Promise<void> {
    this.broker = broker;
    // Until CONNACK tells otherwise: messages of the session may come right behind it.
    this.facts = { protocol_version: broker.protocol_version, identifiers_available: true };
    const entry = await this.ledger.load(this.sessionOf(broker, 0));
    this.retired = entry?.retired ?? [];
    this.plan = this.makePlan(entry?.record.confirmed ?? []);
    const link = this.createLink(broker, 0, entry);
    this.links = [link];
    for (let lane = 1; lane < Math.max(entry?.lanes ?? 1, this.plan.lanes.length); lane += 1) {
      await this.openLane(broker, lane);
    }
    for (const each of this.links) each.want(this.plan.lanes[each.lane] ?? []);
    // The others follow when this one has told what the broker can do.
    link.start();
    this.watchFailover();
  }

  private async openLane(broker: BrokerConnection, lane: number): Promise<void> {
    this.links.push(this.createLink(broker, lane, await this.ledger.load(this.sessionOf(broker, lane))));
  }

  private createLink(broker: BrokerConnection, lane: number, entry: LedgerEntry | null): BrokerLink {
    const session = this.sessionOf(broker, lane);
    const receiver = this.receivers.get(session) ?? this.createReceiver();
    this.receivers.set(session, receiver);
    receiver.startAccepting();
    const link = new BrokerLink({
      broker,
      lane,
      client_id: this.clientIdOf(broker, lane),
      name: lane === 0 ? broker.name : `${broker.name}#${lane + 1}`,
      egress: this.deps.egress,
      logger: this.deps.logger,
      receiver,
      receive_maximum: Math.min(this.limits.messages, 65_535),
      noted: broker.clean_session ? null : entry,
      onNoted: (noted) =>
        this.ledger.save(session, { ...noted, retired: lane === 0 ? this.retired : [], lanes: this.links.length }),
      timing: this.timing,
      random: this.random,
      events: this.linkEvents(),
    });
    this.teach(link);
    return link;
  }

  private createReceiver(): ReceiverSession {
    return new ReceiverSession({
      limits: this.limits,
      onMessage: (message) => {
        this.messages += 1;
        this.deps.onMessage(message);
      },
      onDiscarded: this.deps.onDiscarded,
    });
  }

  /** Each lane is a session of its own at the broker. */
  private clientIdOf(broker: BrokerConnection, lane: number): string {
    return laneClientId(broker.client_id ?? this.deps.client_id, lane);
  }

  private sessionOf(broker: BrokerConnection, lane: number): string {
    return `${broker.host}:${broker.port} ${this.clientIdOf(broker, lane)}`;
  }

  private async closeLinks(): Promise<void> {
    this.stopTimers();
    const { links } = this;
    await Promise.all(links.map((link) => link.stop()));
    this.links = [];
    this.plan = null;
    this.broker = null;
    this.max_lanes = undefined;
    this.lane_refusal = null;
    const in_use = new Set(this.desired?.brokers.map((broker) => `${broker.host}:${broker.port} `));
    for (const [session, receiver] of this.receivers) {
      const address = session.slice(0, session.indexOf(' ') + 1);
      if (receiver.in_flight === 0 && !in_use.has(address)) this.receivers.delete(session);
    }
  }

  private makePlan(applied: Parameters<typeof retireIdentifiers>[1]): SubscriptionPlan {
    const earlier_lanes = new Map(
      this.links.flatMap((link) => link.filters.record.confirmed.map(({ topic_filter }) => [topic_filter, link.lane])),
    );
    const input = {
      subscriptions: this.desired!.subscriptions as readonly PlannedSubscription[],
      shared_group: this.desired!.shared_group,
      ...this.facts!,
      earlier_lanes,
      max_lanes: this.max_lanes,
    };
    const plan = planSubscriptions(input);
    this.retired = retireIdentifiers(this.retired, applied, plan.lanes[0] ?? [], Date.now());
    return this.retired.length === 0 ? plan : planSubscriptions({ ...input, retired_identifiers: this.retired });
  }

  /** New filters, or a broker that turned out to be different: what is wanted on each lane, and more lanes when needed. */
  private async replan(): Promise<void> {
    const [first] = this.links;
    if (!first || !this.broker) return;
    const plan = this.makePlan(first.filters.record.confirmed);
    this.plan = plan;
    for (let lane = this.links.length; lane < plan.lanes.length; lane += 1) await this.openLane(this.broker, lane);
    for (const link of this.links) {
      link.want(plan.lanes[link.lane] ?? []);
      if (link.lane > 0 && first.is_connected) link.start();
    }
    this.changed();
  }

  private linkEvents(): LinkEvents {
    const { deps } = this;
    return {
      connected: (link, connack) => {
        deps.reported?.forget(link.broker, link.client_id);
        deps.logger.info('connected to the broker', {
          connection: link.name,
          protocol_version: connack.protocol_version,
          session_present: connack.session_present,
        });
        this.emit('connected', {
          lane: link.lane,
          protocol_version: connack.protocol_version,
          session_present: connack.session_present,
        });
        if (link.lane === 0) this.onFirstConnected(connack);
      },
      disconnected: (link, failure) => {
        this.emit('disconnected', {
          lane: link.lane,
          code: failure?.code ?? 'CLOSED_BY_LISTENER',
          cause: failure?.cause ?? 'The listener ended the connection.',
        });
        this.watchFailover();
      },
      connectFailed: (link, failure) => {
        const { code, cause, stage } = failure;
        this.emit('connect_failed', { lane: link.lane, stage, code, cause, attempt: link.attempt });
        if (link.lane > 0 && isRefusal(failure) && this.links[0]?.is_connected) {
          this.foldLanes(link, failure);
          return;
        }
        if (failure.is_credentials) deps.onCredentialsRefused?.();
      },
      sessionLost: (link) => {
        deps.logger.warn('the broker lost the session: messages may be missing', { connection: link.name });
        this.emit('session_lost', { lane: link.lane, client_id: link.client_id });
      },
      takenOver: (link, { is_certain }) => {
        deps.logger.error('another client uses the same client id', { client_id: link.client_id, is_certain });
        this.emit('taken_over', { lane: link.lane, client_id: link.client_id, is_certain });
      },
      flapping: (link) => {
        deps.logger.warn('connections repeatedly end early', { connection: link.name });
        this.emit('flapping', { lane: link.lane, client_id: link.client_id });
      },
      filtersChanged: (link, { refused, downgraded }) => {
        for (const detail of refused) {
          deps.logger.error('the broker refuses a topic filter', { connection: link.name, ...detail });
          this.emit('subscription_refused', { lane: link.lane, ...detail });
        }
        for (const detail of downgraded) {
          deps.logger.warn('the broker grants a lower QoS', { connection: link.name, ...detail });
          this.emit('qos_downgraded', { lane: link.lane, ...detail });
        }
        this.watchFailover();
      },
      changed: () => this.changed(),
    };
  }

  /** CONNACK of the first lane tells what kind of plan the broker allows. Runs before its filters are sent. */
  private onFirstConnected(connack: ConnackDetail): void {
    this.watchFailover();
    const facts: PlanFacts = {
      protocol_version: connack.protocol_version === '5.0' ? 5 : 4,
      identifiers_available: connack.subscription_identifiers_available,
    };
    if (!isDeepStrictEqual(facts, this.facts)) {
      this.facts = facts;
      this.plan = this.makePlan(this.links[0]!.filters.record.confirmed);
      this.links[0]!.want(this.plan.lanes[0] ?? []);
    }
    this.inOrder(() => this.replan()).catch((error: unknown) => {
      this.deps.logger.error('subscriptions could not be planned', { error });
    });
  }

  /** Arms what leads from one broker to another: the timer while there is no connection, the monitor while a later one is in use. */
  private watchFailover(): void {
    const { desired, broker } = this;
    if (!desired || !broker || this.work.is_stopped || desired.brokers.length < 2) {
      this.stopTimers();
      return;
    }
    const index = desired.brokers.findIndex(({ name }) => name === broker.name);
    const { after_s, failback_after_s } = desired.failover;
    const is_connected = this.isOfUse();
    if (is_connected || after_s === null) {
      clearTimeout(this.failover_timer);
      this.failover_timer = undefined;
    } else {
      this.failover_timer ??= setTimeout(() => {
        this.failover_timer = undefined;
        if (!this.isOfUse()) this.switchTo((index + 1) % desired.brokers.length, 'failover');
      }, after_s * 1_000);
    }
    if (index > 0 && is_connected && failback_after_s !== null)
      this.startMonitor(desired.brokers[0]!, failback_after_s);
    else this.stopMonitor();
  }

  /** Connected, and subscribed to something if anything is wanted: a broker that grants nothing brings nothing. */
  private isOfUse(): boolean {
    const [first] = this.links;
    if (!first?.is_connected) return false;
    const states = first.states();
    return states.length === 0 || !first.filters.is_answered || states.some(({ granted_qos }) => granted_qos !== null);
  }

  /** Further lanes need client ids of their own, and this broker admits the first one only: everything goes by that. */
  private foldLanes(link: BrokerLink, { cause }: LinkFailure): void {
    if (this.max_lanes === 1) return;
    this.max_lanes = 1;
    this.lane_refusal = `The broker refuses the client id "${link.client_id}" of a further connection (lane ${link.lane + 1}): ${cause}`;
    this.deps.logger.warn('the broker refuses a further connection; all filters share the first one', {
      connection: link.name,
      cause,
    });
    this.inOrder(async () => {
      const folded = this.links.filter(({ lane }) => lane > 0);
      this.links = this.links.filter(({ lane }) => lane === 0);
      await Promise.all(folded.map((each) => each.stop()));
      await this.replan();
    }).catch((error: unknown) => {
      this.deps.logger.error('subscriptions could not be planned', { error });
    });
  }

  private startMonitor(first: BrokerConnection, healthy_for_s: number): void {
    if (this.monitor) return;
    const monitor = new FailbackMonitor({
      broker: first,
      client_id: `${this.clientIdOf(first, 0)}F`,
      session_client_id: this.clientIdOf(first, 0),
      topic_filter: this.desired?.subscriptions[0]?.topic_filter ?? null,
      egress: this.deps.egress,
      logger: this.deps.logger,
      healthy_for_ms: healthy_for_s * 1_000,
      timing: this.timing,
      random: this.random,
      onHealthy: () => void this.failBack(monitor),
    });
    this.monitor = monitor;
    monitor.start();
  }

  /** What the broker in use still holds comes first: once it is left, it would wait there until the next failover. */
  private async failBack(monitor: FailbackMonitor): Promise<void> {
    const until_ms = Date.now() + this.timing.failback_drain_ms;
    const isWanted = () => this.monitor === monitor && monitor.is_healthy;
    await this.untilQuiet(() => isWanted() && Date.now() < until_ms);
    if (isWanted()) this.switchTo(0, 'failback');
  }

  private stopMonitor(): void {
    this.monitor?.stop();
    this.monitor = null;
  }

  private stopTimers(): void {
    clearTimeout(this.failover_timer);
    this.failover_timer = undefined;
    this.stopMonitor();
  }

  /** The old broker is left before the new one is connected to: never subscribed on two at once. */
  private switchTo(index: number, type: 'failover' | 'failback'): void {
    const from = this.broker?.name ?? null;
    this.inOrder(async () => {
      const to = this.desired?.brokers[index];
      // A change of the configuration may have come first.
      if (!to || this.broker?.name !== from || to.name === from) return;
      this.deps.logger.warn(type === 'failover' ? 'Going over to another broker' : 'Going back to the first broker', {
        from,
        to: to.name,
      });
      this.emit(type, { from, to: to.name }, to.name);
      const broker = this.broker;
      this.left = type === 'failback' && broker && !broker.clean_session ? { broker, at_ms: Date.now() } : null;
      await this.settleInFlight();
      await this.closeLinks();
      await this.openLinks(to);
    }).catch((error: unknown) => {
      this.deps.logger.error('switching the broker failed', { from, error });
    });
  }

  /** Takes no more messages of the broker in use, and lets those in flight end as far as there is time. */
  private async settleInFlight(): Promise<void> {
    if (!this.links.some((link) => link.is_connected)) return;
    for (const receiver of this.receivers.values()) receiver.stopAccepting();
    await this.drain(this.timing.switch_drain_ms);
  }

  /** Waits until nothing is in flight, `limit_ms` at most. */
  private async drain(limit_ms: number): Promise<void> {
    await waitAtMost(limit_ms, Promise.all([...this.receivers.values()].map((receiver) => receiver.idle())));
  }

  private emit(
    type: ConnectionEvent['type'],
    detail: Record<string, unknown>,
    broker: string | null = this.broker?.name ?? null,
  ): void {
    const event: ConnectionEvent = { at: new Date().toISOString(), type, broker, detail };
    this.events.emit('event', event);
  }

  private changed(): void {
    const state = this.currentState();
    if (state.state !== this.told.state || state.reason_code !== this.told.reason_code) {
      this.told_since_ms = Date.now();
    }
    this.told = state;
    if (this.change_is_scheduled) return;
    this.change_is_scheduled = true;
    setImmediate(() => {
      this.change_is_scheduled = false;
      this.events.emit('change');
    });
  }
}

const timestamp = (at_ms: number | null | undefined): string | null =>
  at_ms == null ? null : new Date(at_ms).toISOString();
