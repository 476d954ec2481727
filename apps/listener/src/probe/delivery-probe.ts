import { randomUUID } from 'node:crypto';
import type { ConnectionEvent, ListenerConfigDocument, ProbeReport } from '@cortex-mqtt/contracts';
import type { Publisher } from '@cortex-mqtt/actions';
import type { IncomingMessage } from '../session/incoming-message';
import type { PlannedSubscription } from '../session/subscription-plan';

/** Stands for the probe among the ids of subscriptions: the highest Subscription Identifier (MQTT 5, 3.8.2.1.2). */
export const PROBE_SUBSCRIPTION_ID = 268_435_455;

export type ProbeSettings = NonNullable<ListenerConfigDocument['probe']>;

/** First bytes of every canary: whatever else is published below the probe's topic is a message like any other. */
const MARK = Buffer.from('cortex-mqtt canary ');

/** A canary that isn't back after this long is lost, milliseconds; a longer interval has no longer patience. */
const PATIENCE_MS = { least: 5_000, most: 30_000 };
/** How often it looks whether there is a connection, and whether a canary is overdue. */
const RECHECK_MS = 1_000;
const LOST_INTERVAL_MS = 10_000;
/** Mark, boot and number, with room. */
const LONGEST_CANARY = 100;
/** Lost canaries that are remembered in case they come late. */
const MAX_SENT = 100;

/** Each instance has a topic of its own, so that it waits for its own canaries only. */
export function probeTopic(settings: ProbeSettings, instance_id: string): string {
  return `${settings.topic}/${instance_id}`;
}

/** What to subscribe to, along with the product's subscriptions. */
export function probeSubscription(settings: ProbeSettings, instance_id: string): PlannedSubscription {
  return { id: PROBE_SUBSCRIPTION_ID, topic_filter: probeTopic(settings, instance_id), qos: 1 };
}

/** Whether a message is a canary, of whichever instance. */
export function isCanary({ payload }: Pick<IncomingMessage, 'payload'>): boolean {
  if (payload.length > LONGEST_CANARY || payload[0] !== MARK[0]) return false;
  return payload.subarray(0, MARK.length).equals(MARK);
}

export interface DeliveryProbeDeps {
  instance_id: string;
  publisher: Publisher;
  /** Whether the session says that it is connected and subscribed: only then canaries are sent and missed. */
  isConnected(): boolean;
  onChange(): void;
  onEvent(event: ConnectionEvent): void;
  /** For tests. */
  patience_ms?: (settings: ProbeSettings) => number;
}

export interface DeliveryProbe {
  /** null = no probe. The same settings again change nothing. */
  use(settings: ProbeSettings | null): void;
  /** Takes a message that is a canary, of this or another instance; true = it was one, and was settled. */
  take(message: IncomingMessage): boolean;
  /** null while there is none. */
  report(): ProbeReport | null;
  stop(): void;
}

/**
 * Proves that the whole way works and not only a socket: publishes a canary every interval on the publishing connection,
 * and misses it when it doesn't come by the instance's own subscription.
 */
export function createDeliveryProbe(deps: DeliveryProbeDeps): DeliveryProbe {
  const boot = randomUUID();
  let settings: ProbeSettings | null = null;
  let number = 0;
  let timer: NodeJS.Timeout | undefined;
  /** Canaries under way: when each was sent. */
  const sent = new Map<number, number>();
  let publish_fault: string | null = null;
  let state: ProbeReport['state'] = 'waiting';
  let since_ms = Date.now();
  let due_ms = 0;
  let last_sent_ms: number | null = null;
  let last_received_ms: number | null = null;
  let round_trip_ms: number | null = null;

  const patience = (of: ProbeSettings): number =>
    deps.patience_ms?.(of) ?? Math.min(PATIENCE_MS.most, Math.max(PATIENCE_MS.least, of.interval_s * 1_000));

  const reason = (): string | null => {
    if (state !== 'lost' || settings === null) return null;
    if (publish_fault !== null) return `The canary could not be published to "${topic()}": ${publish_fault}.`;
    const last =
      last_received_ms === null ? 'None has come back yet.' : `The last one came at ${at(last_received_ms)}.`;
    return `The canary published to "${topic()}" did not come back within ${patience(settings) / 1_000} s. ${last}`;
  };

  const topic = (): string => (settings === null ? '' : probeTopic(settings, deps.instance_id));

  const enter = (next: ProbeReport['state']): void => {
    if (state === next) return;
    const before = state;
    state = next;
    const now_ms = Date.now();
    const detail = { topic: topic(), reason: reason(), lasted_ms: now_ms - since_ms };
    since_ms = now_ms;
    if (next === 'lost') tell('probe_lost', { topic: detail.topic, reason: detail.reason });
    if (before === 'lost' && next === 'ok')
      tell('probe_recovered', { topic: detail.topic, lasted_ms: detail.lasted_ms });
    deps.onChange();
  };

  const tell = (type: 'probe_lost' | 'probe_recovered', detail: Record<string, unknown>): void =>
    deps.onEvent({ at: new Date().toISOString(), type, broker: null, detail });

  const beat = (): void => {
    if (settings === null) return;
    if (!deps.isConnected()) {
      // What was under way has gone with the connection; that it is down is told by the session.
      sent.clear();
      due_ms = 0;
      if (state === 'ok') enter('waiting');
      arm(RECHECK_MS);
      return;
    }
    const now_ms = Date.now();
    const oldest_ms = sent.values().next().value;
    if (oldest_ms !== undefined && now_ms - oldest_ms >= patience(settings)) enter('lost');
    if (now_ms >= due_ms) {
      send(settings, now_ms);
      // While it is lost the next one comes sooner, so that the recovery shows.
      due_ms = now_ms + Math.min(settings.interval_s * 1_000, state === 'lost' ? LOST_INTERVAL_MS : Infinity);
    }
    const missed_ms = state === 'lost' ? Infinity : (sent.values().next().value ?? Infinity) + patience(settings);
    arm(Math.max(1, Math.min(due_ms - now_ms, missed_ms - now_ms, RECHECK_MS)));
  };

  const arm = (after_ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(beat, after_ms);
    timer.unref();
  };

  const send = (of: ProbeSettings, now_ms: number): void => {
    number += 1;
    const own = number;
    sent.set(own, now_ms);
    // Those that are lost permanently are forgotten; the oldest that is left says since when.
    if (sent.size > MAX_SENT) sent.delete([...sent.keys()][1] as number);
    last_sent_ms = now_ms;
    const payload = Buffer.concat([MARK, Buffer.from(`${boot} ${own}`)]);
    deps.publisher
      .publish(
        {
          topic: topic(),
          payload,
          qos: 1,
          retain: false,
          user_properties: {},
          content_type: null,
          message_expiry_s: Math.max(60, of.interval_s),
        },
        { signal: AbortSignal.timeout(patience(of)) },
      )
      .then(
        () => {
          publish_fault = null;
        },
        (error: Error) => {
          publish_fault = error.message;
        },
      );
  };

  const received = (text: string): void => {
    const [of_boot, ordinal] = text.split(' ');
    const own = Number(ordinal);
    const sent_ms = of_boot === boot ? sent.get(own) : undefined;
    // Of another process, or a second copy.
    if (sent_ms === undefined) return;
    last_received_ms = Date.now();
    round_trip_ms = last_received_ms - sent_ms;
    for (const earlier of [...sent.keys()]) if (earlier <= own) sent.delete(earlier);
    enter('ok');
  };

  return {
    use(next) {
      if (settings?.topic === next?.topic && settings?.interval_s === next?.interval_s) return;
      settings = next;
      clearTimeout(timer);
      sent.clear();
      publish_fault = null;
      state = 'waiting';
      since_ms = Date.now();
      due_ms = 0;
      last_sent_ms = null;
      last_received_ms = null;
      round_trip_ms = null;
      beat();
    },
    take(message) {
      if (!isCanary(message)) return false;
      message.settle();
      if (message.topic === topic()) received(message.payload.subarray(MARK.length).toString());
      return true;
    },
    report: () =>
      settings && {
        topic: topic(),
        interval_s: settings.interval_s,
        state,
        since: at(since_ms),
        reason: reason(),
        last_sent_at: last_sent_ms === null ? null : at(last_sent_ms),
        last_received_at: last_received_ms === null ? null : at(last_received_ms),
        round_trip_ms,
      },
    stop() {
      clearTimeout(timer);
      settings = null;
    },
  };
}

const at = (ms: number): string => new Date(ms).toISOString();
