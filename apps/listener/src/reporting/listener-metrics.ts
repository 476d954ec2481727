import type { InstanceCounters } from '@cortex-mqtt/contracts';
import type { Metrics } from '@cortex-mqtt/observability';
import type { ProductListener } from '../product-listener';

const HELP: { [N in keyof InstanceCounters]: string } = {
  messages_received: 'Messages received from the broker',
  messages_matched: 'Messages that a subscription took',
  messages_unmatched: 'Messages that no subscription took',
  deliveries_started: 'Deliveries begun',
  deliveries_succeeded: 'Deliveries whose actions all succeeded',
  deliveries_failed: 'Deliveries given up without a queue for dead letters',
  deliveries_queued: 'Times a delivery was left to the queue',
  deliveries_taken: 'Times a delivery was taken from the queue',
  deliveries_dead: 'Deliveries that became dead letters',
  actions_attempted: 'Attempts of actions',
  actions_executed: 'Attempts of actions that succeeded',
  actions_failed: 'Attempts of actions that failed',
};

/** Reads the pipeline's own counters when somebody scrapes: nothing is counted twice on the way of a message. */
export function registerListenerMetrics(metrics: Metrics, listener: () => ProductListener | null): void {
  for (const [name, help] of Object.entries(HELP) as [keyof InstanceCounters, string][]) {
    metrics.gauge({
      name: `cortex_listener_${name}`,
      help,
      collect() {
        this.set(listener()?.pipeline.counters[name] ?? 0);
      },
    });
  }
  metrics.gauge({
    name: 'cortex_listener_deliveries_in_flight',
    help: 'Deliveries under way in this process',
    collect() {
      this.set(listener()?.pipeline.engine.in_flight ?? 0);
    },
  });
  metrics.gauge({
    name: 'cortex_listener_queue_depth',
    help: 'Deliveries of the product that wait in the queue',
    collect() {
      this.set(listener()?.handover?.depth() ?? 0);
    },
  });
  for (const kind of ['webhook', 'postgres'] as const) {
    metrics.gauge({
      name: `cortex_listener_${kind}_waiting`,
      help: `Attempts of ${kind} actions that wait since all our connections to their destination are in use`,
      collect() {
        this.set(listener()?.waiting_attempts[kind] ?? 0);
      },
    });
  }
}
