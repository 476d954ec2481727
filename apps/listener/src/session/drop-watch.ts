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
  /** The brokers that the session is connected to. */
  brokers(): readonly BrokerConnection[];
  /** Why no further connection may be opened to it; null when one may. */
  refusal?(broker: BrokerConnection): string | null;
  onConnack?(broker: BrokerConnection): void;
  egress: EgressPolicy;
  logger: Logger;
  onChange(): void;
  timing?: Partial<DropWatchTiming>;
}): DropWatch {
  const timing = { ...DEFAULT_TIMING, ...deps.timing };
  const stopping = new AbortController();
  /** By the broker's name. */
  const looks = new Map<string, Look>();
  let is_asking = false;

  const check = async (broker: BrokerConnection): Promise<void> => {
    const before = looks.get(broker.name);
    const known = isDeepStrictEqual(before?.broker, broker) ? before : undefined;
    if (known && Date.now() - known.at_ms < timing.ask_every_ms) return;
    if (deps.refusal?.(broker)) return;
    const { broker_info } = await probeConnection(
      { id: randomUUID(), broker, topic_filters: [], roundtrip_topic: null, timeout_ms: LIMIT_MS },
      {
        ...{ egress: deps.egress, tested_from: 'listener', signal: stopping.signal },
        onStage: ({ stage, state }) => {
          if (stage === 'connect' && state === 'passed') deps.onConnack?.(broker);
        },
      },
    );
    const dropped = Number(broker_info.messages_dropped ?? 0);
    // A broker that was restarted counts from 0 again.
    const has_risen = dropped > (known && known.dropped <= dropped ? known.dropped : 0);
    const at_ms = Date.now();
    looks.set(broker.name, { broker, at_ms, dropped, last_rise: has_risen ? { at_ms, dropped } : before?.last_rise });
    if (stopping.signal.aborted || !has_risen) return;
    deps.logger.warn('the broker drops messages because a queue is full', { broker: broker.name, dropped });
    deps.onChange();
  };
  const checkAll = async (): Promise<void> => {
    if (is_asking) return;
    is_asking = true;
    try {
      for (const broker of deps.brokers()) await check(broker);
    } finally {
      is_asking = false;
    }
  };
  const timer = setInterval(() => {
    checkAll().catch((error: unknown) => {
      deps.logger.warn('the number of messages dropped by the broker could not be read', { error });
    });
  }, timing.check_every_ms);
  timer.unref();

  return {
    warnings() {
      const brokers = deps.brokers();
      return brokers.flatMap(({ name }) => {
        const rise = looks.get(name)?.last_rise;
        if (!rise || Date.now() - rise.at_ms >= timing.remind_for_ms) return [];
        const warning = droppedMessagesWarning(rise.dropped);
        return brokers.length === 1 ? warning : { ...warning, message: `"${name}": ${warning.message}` };
      });
    },
    stop() {
      clearInterval(timer);
      stopping.abort();
    },
  };
}

/** What a broker was found to have dropped. */
interface Look {
  broker: BrokerConnection;
  at_ms: number;
  dropped: number;
  last_rise: { at_ms: number; dropped: number } | undefined;
}
