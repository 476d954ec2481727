import { randomUUID } from 'node:crypto';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { probeConnection } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';

const CHECK_EVERY_MS = 1_000;
const LIMIT_MS = 10_000;

export interface SharedFault {
  code: 'SHARED_NOT_SUPPORTED';
  message: string;
  advice: string;
  since: string;
}

/** Whether the brokers in use bring anything by shared subscriptions. */
export interface SharedProofs {
  /** null: they do, or nothing shows that they don't, or nothing is shared. */
  fault(): SharedFault | null;
  stop(): void;
}

/**
 * A broker of MQTT 5 says whether it has shared subscriptions; with 3.1.1 it is tried once for each connection's settings, beside the
 * session, in a group and on a topic of its own. Without it such a listener would be connected, granted, and silent.
 */
export function startSharedProofs(deps: {
  /** Those that are connected and subscribed by `$share` filters; empty while nothing is shared. */
  sharing(): readonly BrokerConnection[];
  /** What the broker in use said: MQTT 5 version and Shared Subscription Available. */
  connack(): { protocol_version?: unknown; shared_subscriptions_available?: unknown };
  /** Why no further connection may be opened to it; null when one may. */
  refusal(broker: BrokerConnection): string | null;
  onConnack(broker: BrokerConnection): void;
  egress: EgressPolicy;
  logger: Logger;
  onChange(): void;
  check_every_ms?: number;
}): SharedProofs {
  const stopping = new AbortController();
  /** By the settings of the connection. */
  const found = new Map<string, { since: string; is_ignored: boolean }>();
  let is_asking = false;

  const ask = async (broker: BrokerConnection): Promise<void> => {
    const key = JSON.stringify(broker);
    if (found.has(key) || deps.refusal(broker) !== null) return;
    const { broker_info } = await probeConnection(
      { id: randomUUID(), broker, topic_filters: [], roundtrip_topic: null, prove_shared: true, timeout_ms: LIMIT_MS },
      {
        ...{ egress: deps.egress, tested_from: 'listener', signal: stopping.signal },
        onStage: ({ stage, state }) => {
          if (stage === 'connect' && state === 'passed') deps.onConnack(broker);
        },
      },
    );
    if (stopping.signal.aborted) return;
    const is_ignored = broker_info.shared_subscription === 'ignored';
    // Where it could not be tried, it is retried when the settings change.
    found.set(key, { since: new Date().toISOString(), is_ignored });
    if (is_ignored) deps.logger.error('The broker brings nothing by shared subscriptions', { broker: broker.name });
    deps.onChange();
  };
  const check = async (): Promise<void> => {
    if (is_asking || deps.connack().protocol_version === '5.0') return;
    is_asking = true;
    try {
      for (const broker of deps.sharing()) await ask(broker);
    } finally {
      is_asking = false;
    }
  };
  const timer = setInterval(() => {
    check().catch((error: unknown) => deps.logger.warn('Shared subscriptions could not be proven', { error }));
  }, deps.check_every_ms ?? CHECK_EVERY_MS);
  timer.unref();

  return {
    fault() {
      const sharing = deps.sharing();
      const says_no =
        sharing.length > 0 &&
        deps.connack().protocol_version === '5.0' &&
        deps.connack().shared_subscriptions_available === false;
      const ignored = sharing.map((broker) => found.get(JSON.stringify(broker))).find((proof) => proof?.is_ignored);
      if (!says_no && !ignored) return null;
      return {
        code: 'SHARED_NOT_SUPPORTED',
        message: says_no
          ? 'The broker says that it has no shared subscriptions.'
          : 'The broker grants shared subscriptions and brings nothing by them: it takes "$share/…" for a topic of that name.',
        advice: 'Turn shared subscriptions off, so that listeners take turns, or use a broker that has them.',
        since: ignored?.since ?? new Date().toISOString(),
      };
    },
    stop() {
      clearInterval(timer);
      stopping.abort();
    },
  };
}
