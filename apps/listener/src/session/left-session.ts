import { setTimeout as sleep } from 'node:timers/promises';
import type { LeftSession } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { endSession, laneClientId, MAX_LANES, sharedFilter } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import { type DiscardedMessage, type ReceiverLimits, ReceiverSession } from './acknowledgement/receiver-session';
import { BrokerLink, isRefusal, type LinkEvents, type LinkFailure } from './broker-link';
import type { IncomingMessage } from './incoming-message';
import { DEFAULT_TIMING, type SessionTiming } from './mqtt-session';
import { isSameSession } from './same-session';
import { type PlannedSubscription, planSubscriptions, type RoutedMessage } from './subscription-plan';

const LOOK_EVERY_MS = 20;
/** Looks in a row without a message and with none in flight: nothing more is on its way. */
const QUIET_LOOKS = 25;

export interface LeftSessionTiming extends SessionTiming {
  /** Until the broker has accepted and every subscription is taken back. */
  connect_limit_ms: number;
  /** What waits may take this long to be delivered, or handed over to the queue. */
  drain_limit_ms: number;
}

const TIMING: LeftSessionTiming = { ...DEFAULT_TIMING, connect_limit_ms: 30_000, drain_limit_ms: 300_000 };

type Route = (message: RoutedMessage) => readonly number[];

export interface LeftSessionDeps {
  egress: EgressPolicy;
  logger: Logger;
  limits: ReceiverLimits;
  /** What the product subscribes to now: messages of the session run these. */
  subscriptions(): readonly PlannedSubscription[];
  onMessage(message: IncomingMessage, route: Route): void;
  onDiscarded(message: DiscardedMessage): void;
  isStopped(): boolean;
  /** How often a connection of the present session has ended. */
  ends(): number;
  timing?: Partial<LeftSessionTiming>;
}

/** It was not ended, and why; it is as it was, less what was delivered. */
export class SessionNotEndedError extends Error {
  override readonly name = 'SessionNotEndedError';

  constructor(
    message: string,
    readonly is_refused = false,
  ) {
    super(message);
  }
}

/**
 * Empties sessions that the configuration of before used, and ends them at the broker: takes the subscriptions back, so that nothing
 * more gets there, delivers what waits, and only then deletes. Whatever breaks off leaves the session to the next attempt.
 */
export class LeftSessionEmptier {
  private readonly timing: LeftSessionTiming;
  /** By client id. What an attempt has brought and not acknowledged comes again with the next, and must not run twice. */
  private readonly lanes = new Map<string, Lane>();
  private current: BrokerLink | null = null;

  constructor(private readonly deps: LeftSessionDeps) {
    this.timing = { ...TIMING, ...deps.timing };
  }

  /** The number of messages that it held. Rejects with SessionNotEndedError. */
  async empty(left: LeftSession): Promise<number> {
    // One broker by two addresses, or one that makes client ids of user names: then it is the present session, and not left at all.
    if (await isSameSession(left, this.deps)) return 0;
    const first = await this.emptyLane(left, 0);
    let { messages } = first;
    if (first.protocol_version === 5) return messages;
    for (let lane = 1; lane < MAX_LANES; lane += 1) {
      try {
        messages += (await this.emptyLane(left, lane)).messages;
      } catch (error) {
        // A broker that knows its clients by id refuses those that never were.
        if (error instanceof SessionNotEndedError && error.is_refused) break;
        throw error;
      }
    }
    return messages;
  }

  /** Lets go of the session under way; what it still holds stays in it. */
  async stop(): Promise<void> {
    await this.current?.stop();
  }

  private async emptyLane(left: LeftSession, lane: number): Promise<{ messages: number; protocol_version: 4 | 5 }> {
    const client_id = laneClientId(left.client_id, lane);
    let messages = 0;
    let failure: LinkFailure | null = null;
    const state = this.lanes.get(client_id) ?? this.createLane();
    this.lanes.set(client_id, state);
    const { receiver } = state;
    receiver.startAccepting();
    state.onMessage = (message) => {
      messages += 1;
      this.deps.onMessage(message, (routed) => this.route(left, link, routed));
    };
    const onEnd = (_link: BrokerLink, why: LinkFailure | null): void => {
      failure ??= why;
      // At once: it would connect again by itself.
      void link.stop();
    };
    const link: BrokerLink = new BrokerLink({
      broker: { ...left.broker, clean_session: false, last_will: null },
      lane,
      client_id,
      name: `${left.broker.name} (left)`,
      ...this.deps,
      receiver,
      receive_maximum: Math.min(this.deps.limits.messages, 65_535),
      noted: { record: { confirmed: [], unsure: filtersOf(left) }, session: null },
      onNoted: () => undefined,
      timing: this.timing,
      random: Math.random,
      events: { ...NO_EVENTS, connectFailed: onEnd, disconnected: onEnd },
    });
    this.current = link;
    const isOver = (): boolean => failure !== null || this.deps.isStopped();
    try {
      link.want([]);
      link.start();
      await until(this.timing.connect_limit_ms, () => isOver() || link.phase === 'connected');
      this.throwUnless(link.phase === 'connected', failure, 'The broker did not answer in time.');
      // Where there is no session, nothing waits.
      let quiet = link.connack?.session_present ? 0 : QUIET_LOOKS;
      let seen = messages;
      await until(this.timing.drain_limit_ms, () => {
        quiet = receiver.in_flight === 0 && seen === messages ? quiet + 1 : 0;
        seen = messages;
        return isOver() || quiet > QUIET_LOOKS;
      });
      this.throwUnless(quiet > QUIET_LOOKS, failure, 'Not all messages could be delivered in time.');
    } finally {
      await link.stop();
      this.current = null;
    }
    const { protocol_version } = link;
    try {
      await endSession({ broker: { ...left.broker, protocol_version }, client_id }, this.deps);
    } catch (error) {
      throw new SessionNotEndedError((error as Error).message);
    }
    this.lanes.delete(client_id);
    return { messages, protocol_version };
  }

  private throwUnless(is_done: boolean, failure: LinkFailure | null, otherwise: string): void {
    if (failure !== null) throw new SessionNotEndedError(failure.cause, isRefusal(failure));
    if (this.deps.isStopped()) throw new SessionNotEndedError('The listener is stopping.');
    if (!is_done) throw new SessionNotEndedError(otherwise);
  }

  /** By what was subscribed to when it was queued, as far as that is there still; what matches none of it, by what is now. */
  private route(left: LeftSession, link: BrokerLink, message: RoutedMessage): readonly number[] {
    const { protocol_version, lane } = link;
    const now = this.deps.subscriptions();
    const plan = (subscriptions: readonly PlannedSubscription[]) =>
      planSubscriptions({ subscriptions, shared_group: null, protocol_version, identifiers_available: true });
    const queued_for = plan(left.subscriptions).route(lane, message);
    if (queued_for.length === 0) return plan(now).route(lane, message);
    const alive = new Set(now.map(({ id }) => id));
    return queued_for.filter((id) => alive.has(id));
  }

  private createLane(): Lane {
    const { limits, onDiscarded } = this.deps;
    const lane: Lane = {
      receiver: new ReceiverSession({ limits, onMessage: (message) => lane.onMessage(message), onDiscarded }),
      onMessage: () => undefined,
    };
    return lane;
  }
}

/** One connection's worth of a session, kept from one attempt to the next. */
interface Lane {
  readonly receiver: ReceiverSession;
  onMessage(message: IncomingMessage): void;
}

const filtersOf = ({ shared_group, subscriptions }: LeftSession): string[] =>
  subscriptions.map(({ topic_filter }) =>
    shared_group === null ? topic_filter : sharedFilter(shared_group, topic_filter),
  );

const NO_EVENTS: LinkEvents = {
  connected: () => undefined,
  disconnected: () => undefined,
  connectFailed: () => undefined,
  sessionLost: () => undefined,
  takenOver: () => undefined,
  flapping: () => undefined,
  filtersChanged: () => undefined,
  changed: () => undefined,
};

async function until(limit_ms: number, isDone: () => boolean): Promise<void> {
  for (const end_ms = Date.now() + limit_ms; Date.now() < end_ms && !isDone(); ) await sleep(LOOK_EVERY_MS);
}
