import { isDeepStrictEqual } from 'node:util';
import { randomUUID } from 'node:crypto';
import type { BrokerConnection, StatusReport } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { droppedMessagesWarning, probeConnection } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';

export interface DropWatchTiming {
  /** How often it looks whether there is a connection. */
  check_every_ms: number;
  /** How often the broker is asked while there is one. */
  ask_every_ms: number;
  /** How long a warning reminds of messages that were dropped. */
  remind_for_ms: number;
}

const DEFAULT_TIMING: DropWatchTiming = { check_every_ms: 5_000, ask_every_ms: 600_000, remind_for_ms: 3_600_000 };
const LIMIT_MS = 10_000;

/** Warns of a broker that drops messages because its queues are too small, where `$SYS` tells. */
export interface DropWatch {
  warnings(): StatusReport['warnings'];
  stop(): void;
}

/**
 * Asks on a connection of its own, as a connection test does: a broker may end the connection of a client that reads what it may not.
 * The counter is the broker's and counts since it started, so what was dropped before the first look counts too: it may have
 * been while this listener was away.
 */
export function startDropWatch(deps: {
  /** The broker that the session is connected to; null while it isn't. */
  broker(): BrokerConnection | null;
  egress: EgressPolicy;
  logger: Logger;
  onChange(): void;
  timing?: Partial<DropWatchTiming>;
}): DropWatch {
  const timing = { ...DEFAULT_TIMING, ...deps.timing };
  const stopping = new AbortController();
  let asked: { broker: BrokerConnection; at_ms: number; dropped: number } | null = null;
  let last_rise: { at_ms: number; dropped: number } | null = null;
  let is_asking = false;

  const check = async (): Promise<void> => {
    const broker = deps.broker();
    if (is_asking || broker === null) return;
    const is_same = isDeepStrictEqual(asked?.broker, broker);
    if (asked !== null && is_same && Date.now() - asked.at_ms < timing.ask_every_ms) return;
    is_asking = true;
    const { broker_info } = await probeConnection(
      { id: randomUUID(), broker, topic_filters: [], roundtrip_topic: null, timeout_ms: LIMIT_MS },
      { egress: deps.egress, tested_from: 'listener', signal: stopping.signal },
    ).finally(() => {
      is_asking = false;
    });
    const dropped = Number(broker_info.messages_dropped ?? 0);
    // A broker that was restarted counts from 0 again.
    const before = asked !== null && is_same && asked.dropped <= dropped ? asked.dropped : 0;
    asked = { broker, at_ms: Date.now(), dropped };
    if (stopping.signal.aborted || dropped <= before) return;
    last_rise = { at_ms: Date.now(), dropped };
    deps.logger.warn('The broker drops messages because a queue is full', { broker: broker.name, dropped });
    deps.onChange();
  };
  const timer = setInterval(() => {
    check().catch((error: unknown) => {
      deps.logger.warn('The broker could not be asked for the messages it dropped', { error });
    });
  }, timing.check_every_ms);
  timer.unref();

  return {
    warnings: () =>
      last_rise !== null && Date.now() - last_rise.at_ms < timing.remind_for_ms && deps.broker() !== null
        ? [droppedMessagesWarning(last_rise.dropped)]
        : [],
    stop() {
      clearInterval(timer);
      stopping.abort();
    },
  };
}
