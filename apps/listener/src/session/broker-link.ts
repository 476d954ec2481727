import type { Duplex } from 'node:stream';
import type { BrokerConnection, Diagnosis, ProtocolVersion, TestStage, TopicFilterState } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import {
  buildClientOptions,
  type ConnackDetail,
  type ConnectionFailure,
  describeConnack,
  describeTls,
  diagnoseFailure,
  isProxyRefusal,
  mayBeForVersion,
  type TlsDetail,
  takenOver,
  tlsSocketOf,
} from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import type { IConnackPacket, IDisconnectPacket } from 'mqtt-packet';
import { ProtocolFault } from './acknowledgement/publish-packet';
import type { ReceiverSession } from './acknowledgement/receiver-session';
import { ReceivingClient } from './acknowledgement/receiving-client';
import { Backoff, type BackoffTiming } from './backoff';
import { endClient } from './end-client';
import { type FilterChanges, SessionFilters } from './session-filters';
import { isStillKept, type KnownSession, type LedgerEntry } from './subscription-ledger';
import type { PlannedFilter } from './subscription-plan';

export interface LinkTiming extends BackoffTiming {
  /** A connection that lasts this long was a good one: the next failure begins with short waits. */
  stable_after_ms: number;
  /** Refused filters are asked for again after this. */
  refused_filter_retry_ms: number;
  /** No SUBACK for this long ends the connection. */
  suback_timeout_ms: number;
}

export type LinkPhase = 'idle' | 'connecting' | 'subscribing' | 'connected' | 'waiting';

/** Why a link is down, in words, and when it retries. */
export interface LinkFailure extends Diagnosis {
  at_ms: number;
  /** Did the broker, or the proxy, refuse the credentials? */
  is_credentials: boolean;
  /** MQTT reason code, where the broker gave one. */
  reason_code: number | null;
}

export interface LinkEvents {
  connected(link: BrokerLink, connack: ConnackDetail): void;
  /** A connection that was there ended. */
  disconnected(link: BrokerLink, failure: LinkFailure | null): void;
  connectFailed(link: BrokerLink, failure: LinkFailure): void;
  sessionLost(link: BrokerLink): void;
  takenOver(link: BrokerLink, detail: { is_certain: boolean }): void;
  /** Connections end early again and again, and the broker gives no reason. */
  flapping(link: BrokerLink): void;
  filtersChanged(link: BrokerLink, changes: FilterChanges): void;
  /** Something of what the link tells about itself is different. */
  changed(): void;
}

/** What a later process has to know of the session. */
export type NotedSession = Pick<LedgerEntry, 'record' | 'session'>;

export interface BrokerLinkDeps {
  broker: BrokerConnection;
  /** 0 = the first, which decides about protocol version and plan. */
  lane: number;
  client_id: string;
  /** Stands in the messages as `connection`. */
  name: string;
  egress: EgressPolicy;
  logger: Logger;
  receiver: ReceiverSession;
  /** Receive Maximum where the broker's settings have none. */
  receive_maximum: number;
  /** What is known of the session from before; null = nothing. */
  noted: NotedSession | null;
  onNoted: (noted: NotedSession) => void;
  timing: LinkTiming;
  random: () => number;
  events: LinkEvents;
}

const SESSION_TAKEN_OVER = 0x8e;
const SERVER_MOVED = new Set([0x9c, 0x9d]);
/** 3.1.1: bad user name or password, not authorised; 5: the same, and bad authentication method. */
const CREDENTIALS_REFUSED = new Set([0x04, 0x05, 0x86, 0x87, 0x8c]);
/** Refusals that a retry within seconds won't end: client id, banned, quota, protocol. */
const REFUSED = new Set([0x01, 0x02, 0x84, 0x85, 0x8a, 0x97]);

/** The broker was there and refused, in a way that a retry within seconds won't change. */
export function isRefusal({ is_credentials, reason_code }: LinkFailure): boolean {
  return is_credentials || (reason_code !== null && (REFUSED.has(reason_code) || SERVER_MOVED.has(reason_code)));
}

/** With 3.1.1 a takeover has no reason code: connections that the broker ends early, so many within that time. */
const FLAPPING = { ends: 3, within_ms: 120_000, early_ms: 10_000 };

/** Session Expiry Interval of a session that does not expire (MQTT 5, 3.1.2.11.2). */
const NEVER_EXPIRES_S = 0xffff_ffff;
/** While connected it is noted at least this often that the session is there: a process that is killed notes nothing more. */
const LONGEST_UNNOTED_MS = 600_000;
const SHORTEST_UNNOTED_MS = 1_000;

/**
 * One MQTT session with one broker, kept connected for as long as it is started: connects, retries with jitter, falls back
 * to MQTT 3.1.1, and keeps the subscriptions what they should be. Each connection is a client of its own.
 */
export class BrokerLink {
  readonly lane: number;
  readonly name: string;
  readonly client_id: string;
  readonly filters: SessionFilters;
  phase: LinkPhase = 'idle';
  failure: LinkFailure | null = null;
  connack: ConnackDetail | null = null;
  /** What TLS agreed on in the present connection, or the last one; null without TLS. */
  tls: TlsDetail | null = null;
  /** When another client took the session, or seemed to; null = never. */
  taken_over_at_ms: number | null = null;
  /** When connections last ended early again and again under MQTT 5 without a reason; null = never. */
  flapping_at_ms: number | null = null;
  /** When the broker turned out to have lost the session; null = never. */
  session_lost_at_ms: number | null = null;
  connected_at_ms: number | null = null;
  disconnected_at_ms: number | null = null;
  next_try_at_ms: number | null = null;
  /** Of the present or the next connection. */
  protocol_version: ProtocolVersion;
  /** The broker said itself that it doesn't take MQTT 5. */
  private refuses_five = false;
  /** It has taken MQTT 5 before: when it hangs up, it isn't because of that. */
  private has_taken_five = false;
  private readonly backoff: Backoff;
  private client: ReceivingClient | null = null;
  private is_started = false;
  private session: KnownSession | null;
  private retry_timer: NodeJS.Timeout | undefined;
  private stable_timer: NodeJS.Timeout | undefined;
  private refused_timer: NodeJS.Timeout | undefined;
  private noting_timer: NodeJS.Timeout | undefined;
  private applying: Promise<void> | null = null;
  private apply_again = false;
  private early_ends: number[] = [];
  /** Sessions that should have been there and were not, while none was ever found. */
  private unkept_sessions = 0;
  /** When the first connection of this process found no session, and nothing was known of one; null afterwards. */
  private began_without_session_at_ms: number | null = null;

  constructor(private readonly deps: BrokerLinkDeps) {
    this.lane = deps.lane;
    this.name = deps.name;
    this.client_id = deps.client_id;
    this.protocol_version = deps.broker.protocol_version;
    this.backoff = new Backoff(deps.timing, deps.random);
    this.filters = new SessionFilters({ onRecord: () => this.note() });
    this.session = deps.noted?.session ?? null;
    if (deps.noted) this.filters.restore(deps.noted.record);
  }

  get is_connected(): boolean {
    return this.phase === 'subscribing' || this.phase === 'connected';
  }

  get broker(): BrokerConnection {
    return this.deps.broker;
  }

  get attempt(): number {
    return this.backoff.attempt;
  }

  states(): TopicFilterState[] {
    return this.filters.states();
  }

  /** The session that the broker keeps; null = none. */
  get kept_session(): KnownSession | null {
    return this.session;
  }

  /** What others know of the session, from before this process was connected. */
  learn(known: KnownSession): void {
    if (this.broker.clean_session) return;
    if (this.connack === null) {
      if (known.seen_at_ms > (this.session?.seen_at_ms ?? 0)) this.session = known;
      return;
    }
    const began_at_ms = this.began_without_session_at_ms;
    this.began_without_session_at_ms = null;
    if (began_at_ms !== null && isStillKept(known, began_at_ms)) this.loseSession(began_at_ms);
  }

  private loseSession(at_ms: number): void {
    this.unkept_sessions += 1;
    // A broker that never says session present does not lose one each time: it keeps none, which is said by a warning.
    if (this.keeps_no_sessions) return;
    this.session_lost_at_ms = at_ms;
    this.deps.events.sessionLost(this);
  }

  /** It was asked to keep sessions and has not kept one yet, more than once. */
  get keeps_no_sessions(): boolean {
    return !(this.session?.is_proven ?? false) && this.unkept_sessions > 1;
  }

  start(): void {
    if (this.is_started) return;
    this.is_started = true;
    this.connect();
  }

  /** What the broker should send on this link. Sent at once when connected, else after connecting. */
  want(filters: readonly PlannedFilter[]): void {
    this.filters.want(filters);
    if (this.is_connected) this.applyFilters();
  }

  /** Takes every subscription back; resolves when the broker has answered, at once without a connection. */
  async unsubscribeAll(): Promise<void> {
    this.want([]);
    while (this.applying && this.is_connected) await this.applying;
  }

  /** Ends the connection cleanly, without UNSUBSCRIBE, so that the broker keeps a persistent session; connects at once. */
  async reconnect(): Promise<void> {
    await this.close();
    this.backoff.reset();
    this.refuses_five = false;
    this.protocol_version = this.broker.protocol_version;
    if (this.is_started) this.connect();
  }

  /** Ends the connection cleanly; a persistent session stays at the broker (MQTT 5, 3.14). */
  async stop(): Promise<void> {
    this.is_started = false;
    await this.close();
    this.phase = 'idle';
    this.deps.events.changed();
  }

  /** What throws while the connection is opened is a failed attempt like any other: it has a reason, and another follows. */
  private connect(): void {
    clearTimeout(this.retry_timer);
    this.next_try_at_ms = null;
    this.phase = 'connecting';
    const version = this.protocol_version;
    try {
      this.open();
    } catch (reason) {
      this.client = null;
      const error = reason instanceof Error ? reason : new Error(String(reason));
      const failed = { farewell: null, is_connected: false, was_subscribing: false, version };
      const end = { error: Object.assign(error, { code: 'INVALID_SETTING' }), ...failed };
      setImmediate(() => {
        if (this.client === null && this.is_started) this.onClosed(end);
      });
    }
  }

  private open(): void {
    const { broker, client_id, egress, receiver, name } = this.deps;
    const version = this.protocol_version;
    const { options, buildStream } = buildClientOptions(
      { ...broker, client_id, receive_maximum: broker.receive_maximum ?? this.deps.receive_maximum },
      { client_id, egress, protocol_version: version },
    );
    // A broker that knows it sends none that are larger (MQTT-3.1.2-25).
    if (version === 5 && receiver.max_packet_bytes !== null) {
      options.properties = { ...options.properties, maximumPacketSize: receiver.max_packet_bytes };
    }
    let transport: Duplex | null = null;
    const openTransport = (): Duplex => {
      transport = buildStream();
      return transport;
    };
    const client = new ReceivingClient({ options, openTransport, receiver, name });
    this.client = client;
    let error: Error | null = null;
    let farewell: IDisconnectPacket | null = null;
    let is_connected = false;
    client.on('error', (reason) => {
      error ??= reason as Error;
    });
    client.on('disconnect', (packet) => {
      farewell = packet;
    });
    client.on('connect', (packet) => {
      if (this.client !== client) return;
      is_connected = true;
      const socket = transport && tlsSocketOf(transport);
      this.tls = socket && describeTls(socket, new Date());
      this.onConnected(client, packet as IConnackPacket, version);
    });
    client.once('close', () => {
      if (this.client !== client) return;
      this.client = null;
      const was_subscribing = is_connected && this.applying !== null && this.filters.is_asking;
      // An error is emitted right after the stream was destroyed: let it come first.
      setImmediate(() => {
        if (this.client === null && this.is_started)
          this.onClosed({ error, farewell, is_connected, was_subscribing, version });
      });
    });
    client.connect();
    this.deps.events.changed();
  }

  private onConnected(client: ReceivingClient, packet: IConnackPacket, version: ProtocolVersion): void {
    const { events, broker, timing } = this.deps;
    const connack = describeConnack(packet, version);
    const is_first = this.connack === null;
    this.connack = connack;
    this.connected_at_ms = Date.now();
    this.phase = 'subscribing';
    this.has_taken_five ||= version === 5;
    this.stable_timer = setTimeout(() => {
      this.backoff.reset();
      this.early_ends = [];
      events.changed();
    }, timing.stable_after_ms);
    if (!connack.session_present) {
      if (!broker.clean_session && isStillKept(this.session, Date.now())) this.loseSession(Date.now());
      else if (is_first && this.session === null) this.began_without_session_at_ms = Date.now();
      this.filters.forget();
    }
    const is_proven = connack.session_present || (this.session?.is_proven ?? false);
    if (connack.session_present) this.unkept_sessions = 0;
    this.session = this.sessionOf(connack);
    if (this.session && is_proven) this.session = { ...this.session, is_proven };
    this.noteWhileConnected();
    // The plan may depend on what CONNACK said, so it is asked for (by `want`) before filters are sent.
    events.connected(this, connack);
    if (this.client === client) this.applyFilters();
  }

  /** The session that the broker keeps from now on. */
  private sessionOf(connack: ConnackDetail): KnownSession | null {
    const { broker } = this.deps;
    if (broker.clean_session) return null;
    const seen_at_ms = Date.now();
    if (connack.protocol_version !== '5.0') return { seen_at_ms, expiry_s: null };
    const expiry_s = connack.session_expiry_s ?? broker.session_expiry_s;
    return expiry_s === 0 ? null : { seen_at_ms, expiry_s: expiry_s === NEVER_EXPIRES_S ? null : expiry_s };
  }

  private note(): void {
    this.deps.onNoted({ record: this.filters.record, session: this.session });
  }

  private noteSeen(): void {
    if (this.session) this.session = { ...this.session, seen_at_ms: Date.now() };
    this.note();
  }

  private noteWhileConnected(): void {
    this.note();
    const expiry_s = this.session?.expiry_s ?? null;
    if (expiry_s === null) return;
    const interval_ms = Math.max(SHORTEST_UNNOTED_MS, Math.min(LONGEST_UNNOTED_MS, (expiry_s * 1_000) / 4));
    this.noting_timer = setInterval(() => this.noteSeen(), interval_ms);
    this.noting_timer.unref();
  }

  private onClosed(end: {
    error: Error | null;
    farewell: IDisconnectPacket | null;
    is_connected: boolean;
    /** A SUBSCRIBE was on its way and not answered. */
    was_subscribing: boolean;
    version: ProtocolVersion;
  }): void {
    const { events, timing, logger } = this.deps;
    clearTimeout(this.stable_timer);
    clearTimeout(this.refused_timer);
    clearInterval(this.noting_timer);
    if (end.is_connected) this.noteSeen();
    this.filters.distrust();
    this.began_without_session_at_ms = null;
    const { was_subscribing } = end;
    if (was_subscribing && end.farewell === null) this.filters.askLessAtOnce();
    const lasted_ms = end.is_connected ? Date.now() - (this.connected_at_ms ?? 0) : 0;
    this.disconnected_at_ms = Date.now();
    this.phase = 'waiting';
    const takeover = this.detectTakeover(end, { lasted_ms, was_subscribing });
    this.failure = this.explain(end, { was_subscribing, takeover });
    if (!end.is_connected && this.fallBack(end)) return;
    if (!this.refuses_five) this.protocol_version = this.broker.protocol_version;

    const wait_ms = this.backoff.next(isRefusal(this.failure) ? 'refused' : 'failed');
    this.next_try_at_ms = Date.now() + wait_ms;
    this.retry_timer = setTimeout(() => this.connect(), wait_ms);
    logger.warn(end.is_connected ? 'Connection to the broker ended' : 'Could not connect to the broker', {
      connection: this.name,
      code: this.failure.code,
      cause: this.failure.cause,
      attempt: this.backoff.attempt,
      retry_in_ms: wait_ms,
      timing: end.is_connected ? { lasted_ms, stable_after_ms: timing.stable_after_ms } : undefined,
    });
    if (takeover) {
      this.taken_over_at_ms = Date.now();
      events.takenOver(this, takeover);
    }
    if (end.is_connected) events.disconnected(this, this.failure);
    else events.connectFailed(this, this.failure);
    events.changed();
  }

  /**
   * The broker refuses MQTT 5, or hangs up on it without a word: 3.1.1, at once. Only a refusal in words is remembered; a
   * broker that hung up may have been starting, so the connection after this one begins with 5 again.
   */
  private fallBack(end: {
    error: Error | null;
    farewell: IDisconnectPacket | null;
    version: ProtocolVersion;
  }): boolean {
    const { failure } = this;
    const { logger } = this.deps;
    if (end.version !== 5 || failure === null) return false;
    const verdict = mayBeForVersion(failureOf(end));
    this.refuses_five = verdict === 'refused';
    if (verdict === null || (verdict === 'unanswered' && this.has_taken_five)) return false;
    this.protocol_version = 4;
    logger.info('the broker does not accept MQTT 5, trying 3.1.1', { connection: this.name, code: failure.code });
    this.connect();
    return true;
  }

  private explain(
    end: { error: Error | null; farewell: IDisconnectPacket | null; is_connected: boolean },
    seen: { was_subscribing: boolean; takeover: { is_certain: boolean } | null },
  ): LinkFailure {
    const { broker } = this.deps;
    const code = end.farewell?.reasonCode ?? numericCode(end.error);
    const context = {
      broker,
      client_id: this.client_id,
      topics: seen.was_subscribing ? this.filters.record.unsure : undefined,
    };
    const stage: TestStage = seen.was_subscribing ? 'subscribe' : 'connect';
    const failure = failureOf(end);
    const diagnosis = seen.takeover
      ? { stage, ...takenOver(this.client_id) }
      : end.is_connected && !seen.was_subscribing && end.farewell === null
        ? { stage, ...connectionLost(end.error, this.connack?.server_keep_alive_s ?? broker.keep_alive) }
        : isSilence(end.error)
          ? diagnoseFailure(stage, { kind: 'timeout' }, context)
          : diagnoseFailure(stage, failure, context);
    return {
      ...diagnosis,
      at_ms: Date.now(),
      is_credentials:
        !end.is_connected && ((code !== null && CREDENTIALS_REFUSED.has(code)) || isProxyRefusal(diagnosis)),
      reason_code: code,
    };
  }

  /** Another client with our id: MQTT 5 says so, with 3.1.1 it shows as connections that end early, again and again. */
  private detectTakeover(
    end: { error: Error | null; farewell: IDisconnectPacket | null; is_connected: boolean; version: ProtocolVersion },
    seen: { lasted_ms: number; was_subscribing: boolean },
  ): { is_certain: boolean } | null {
    if (end.farewell?.reasonCode === SESSION_TAKEN_OVER) return { is_certain: true };
    const is_early = end.is_connected && !seen.was_subscribing && end.farewell === null && !isSilence(end.error);
    if (!is_early || seen.lasted_ms > FLAPPING.early_ms) return null;
    const now = Date.now();
    this.early_ends = [...this.early_ends.filter((at) => now - at < FLAPPING.within_ms), now];
    if (this.early_ends.length < FLAPPING.ends) return null;
    // A broker of MQTT 5 has to say it (MQTT-3.1.4-3); without a word it is a link that flaps, as far as one can know.
    if (end.version === 4) return { is_certain: false };
    this.flapping_at_ms = now;
    this.deps.events.flapping(this);
    return null;
  }

  /** One at a time; what is wanted meanwhile is applied afterwards. */
  private applyFilters(): void {
    this.apply_again = true;
    if (this.applying) return;
    const client = this.client;
    if (!client) return;
    this.applying = this.applyUntilDone(client).finally(() => {
      this.applying = null;
      // A connection that came while the last one's was ending.
      if (this.client && this.client !== client && this.is_connected) this.applyFilters();
    });
  }

  private async applyUntilDone(client: ReceivingClient): Promise<void> {
    const { events, logger, timing } = this.deps;
    try {
      while (this.apply_again && this.client === client) {
        this.apply_again = false;
        const limits = { max_packet_bytes: this.connack?.maximum_packet_size ?? null };
        const changes = await this.withinTime(this.filters.apply(client, limits), {
          client,
          timeout_ms: timing.suback_timeout_ms,
        });
        if (this.client !== client) return;
        this.phase = 'connected';
        this.failure = null;
        if (changes.refused.length > 0 || changes.downgraded.length > 0) events.filtersChanged(this, changes);
        events.changed();
      }
      clearTimeout(this.refused_timer);
      if (this.filters.has_refused) {
        const wait_ms = timing.refused_filter_retry_ms * (0.75 + this.deps.random() / 2);
        this.refused_timer = setTimeout(() => this.applyFilters(), wait_ms);
      }
    } catch (error) {
      // The end of the connection is explained by its own event; a broker that leaves SUBSCRIBE unanswered is left.
      if (this.client !== client || !client.connected) return;
      logger.warn('the broker did not answer SUBSCRIBE', { connection: this.name, error });
      client.emit('error', error as Error);
      client.stream.destroy();
    }
  }

  /** Rejects when the broker leaves SUBSCRIBE unanswered; time in which we ourselves don't read doesn't count. */
  private async withinTime<T>(work: Promise<T>, limit: { client: ReceivingClient; timeout_ms: number }): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setInterval(() => {
        if (!limit.client.is_withholding) reject(new NoSubackError(`no SUBACK within ${limit.timeout_ms} ms`));
      }, limit.timeout_ms);
    });
    try {
      return await Promise.race([work, timeout]);
    } finally {
      clearInterval(timer);
    }
  }

  private async close(): Promise<void> {
    clearTimeout(this.retry_timer);
    clearTimeout(this.stable_timer);
    clearTimeout(this.refused_timer);
    clearInterval(this.noting_timer);
    this.next_try_at_ms = null;
    const { client } = this;
    this.client = null;
    if (!client) return;
    if (this.is_connected) {
      this.noteSeen();
      this.disconnected_at_ms = Date.now();
      this.phase = 'connecting';
      this.deps.events.disconnected(this, null);
    }
    this.filters.distrust();
    client.finishReceiving();
    await endClient(client);
  }
}

const failureOf = (end: { error: Error | null; farewell: IDisconnectPacket | null }): ConnectionFailure =>
  end.farewell
    ? {
        kind: 'reason',
        packet: 'disconnect',
        reason_code: end.farewell.reasonCode ?? 0,
        reason_string: end.farewell.properties?.reasonString,
        server_reference: end.farewell.properties?.serverReference,
      }
    : (end.error ?? { kind: 'closed' });

const numericCode = (error: Error | null): number | null =>
  error !== null && 'code' in error && typeof error.code === 'number' ? error.code : null;

/** mqtt.js' words for a broker that says nothing: no CONNACK, or no PINGRESP. */
const isSilence = (error: Error | null): boolean =>
  error instanceof NoSubackError ||
  (error !== null && (error.message === 'connack timeout' || error.message === 'Keepalive timeout'));

/** A connection that was there and is no more, without a word of the broker. */
function connectionLost(error: Error | null, keep_alive_s: number): Omit<Diagnosis, 'stage'> {
  if (isSilence(error)) {
    return {
      code: 'KEEP_ALIVE_TIMEOUT',
      cause: `Nothing came from the broker for one and a half times the keep-alive of ${keep_alive_s} s: the link is dead or the broker hangs.`,
      advice:
        'The listener reconnects automatically. If it happens often, check the network between it and the broker.',
    };
  }
  if (error instanceof ProtocolFault) {
    return {
      code: 'PROTOCOL_ERROR',
      cause: `The broker broke the protocol: ${error.message}.`,
      advice: 'Try the other MQTT version in the broker settings, or update the broker.',
    };
  }
  const detail = error === null ? '' : ` (${error.message})`;
  return {
    code: 'CONNECTION_LOST',
    cause: `The broker, or something on the way to it, ended the connection${detail}.`,
    advice: 'The listener connects again by itself. If it happens often, look into the log of the broker.',
  };
}

class NoSubackError extends Error {
  override name = 'NoSubackError';
}
