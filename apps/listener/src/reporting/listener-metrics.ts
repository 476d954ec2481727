import type { InstanceCounters } from '@cortex-mqtt/contracts';
import type { Metrics } from '@cortex-mqtt/observability';
import type { LatencyHistogram } from '../pipeline/latency-histogram';
import type { ProductListener } from '../product-listener';

const COUNTERS: { [N in keyof InstanceCounters]: string } = {
  messages_received: 'Messages received from the broker',
  messages_matched: 'Messages that a subscription took',
  messages_unmatched: 'Messages that no subscription took',
  deliveries_started: 'Deliveries begun',
  deliveries_succeeded: 'Deliveries whose actions all succeeded',
  deliveries_failed: 'Deliveries that ended without success and without a queue for dead letters',
  deliveries_queued: 'Times a delivery was left to the queue',
  deliveries_taken: 'Times a delivery was taken from the queue',
  deliveries_dead: 'Deliveries that became dead letters',
  actions_attempted: 'Attempts of actions',
  actions_executed: 'Attempts of actions that succeeded',
  actions_failed: 'Attempts of actions that failed',
};

/** Labels by subscription stay bounded: the ones beyond have none of their own. */
const MAX_SUBSCRIPTIONS = 200;
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];

/**
 * Reads the pipeline's own counters when somebody scrapes: nothing is counted twice on the way of a message. Names follow the
 * conventions of Prometheus: `_total` for counters, base units, and the product as a label.
 */
export function registerListenerMetrics(
  metrics: Metrics,
  listener: () => ProductListener | null,
  /** null: nothing is traced. */
  spans: { exported: number; dropped: number } | null = null,
): void {
  const product = (): string => listener()?.applied?.document.product_slug ?? '';
  for (const [name, help] of Object.entries(COUNTERS) as [keyof InstanceCounters, string][]) {
    metrics.counter({
      name: `cortex_mqtt_${name}_total`,
      help,
      labelNames: ['product'],
      collect() {
        this.reset();
        this.inc({ product: product() }, listener()?.pipeline.counters[name] ?? 0);
      },
    });
  }
  metrics.counter({
    name: 'cortex_mqtt_subscription_messages_total',
    help: 'Messages by subscription, of at most 200 subscriptions',
    labelNames: ['product', 'subscription'],
    collect() {
      this.reset();
      for (const { subscription_id, messages_received } of subscriptionsOf(listener())) {
        this.inc({ product: product(), subscription: String(subscription_id) }, messages_received);
      }
    },
  });
  metrics.counter({
    name: 'cortex_mqtt_subscription_attempts_total',
    help: 'Attempts of actions by subscription and outcome, of at most 200 subscriptions',
    labelNames: ['product', 'subscription', 'outcome'],
    collect() {
      this.reset();
      for (const { subscription_id, actions_executed, actions_failed } of subscriptionsOf(listener())) {
        const labels = { product: product(), subscription: String(subscription_id) };
        this.inc({ ...labels, outcome: 'succeeded' }, actions_executed);
        this.inc({ ...labels, outcome: 'failed' }, actions_failed);
      }
    },
  });
  metrics.gauge({
    name: 'cortex_mqtt_attempts_waiting',
    help: 'Attempts that wait since all our connections to their destination are in use',
    labelNames: ['product', 'action_type'],
    collect() {
      for (const action_type of ['webhook', 'postgres'] as const) {
        this.set({ product: product(), action_type }, listener()?.waiting_attempts[action_type] ?? 0);
      }
    },
  });
  const gauge = (name: string, help: string, read: (of: ProductListener) => number): void => {
    metrics.gauge({
      name: `cortex_mqtt_${name}`,
      help,
      labelNames: ['product'],
      collect() {
        const of = listener();
        this.set({ product: product() }, of === null ? 0 : read(of));
      },
    });
  };
  gauge('connected', 'Whether this listener is connected to its broker', (of) => Number(isConnected(of)));
  gauge('deliveries_in_flight', 'Deliveries under way in this process', (of) => of.pipeline.engine.in_flight);
  gauge('queue_depth', 'Deliveries of the product that wait in the queue', (of) => of.handover?.depth() ?? 0);
  gauge(
    'queue_oldest_seconds',
    'Age of the oldest delivery in the queue',
    (of) => (of.queue_gauge?.oldest_ms() ?? 0) / 1_000,
  );
  gauge(
    'unacknowledged_oldest_seconds',
    'Age of the oldest message that is not acknowledged',
    (of) => (of.session?.snapshot().oldest_unacknowledged_ms ?? 0) / 1_000,
  );
  metrics.gauge({
    name: 'cortex_mqtt_destination_breaker_open',
    help: 'Whether the breaker of a destination is open, of at most 50 destinations',
    labelNames: ['product', 'action_type', 'destination'],
    collect() {
      this.reset();
      for (const { name, action_type, breaker } of listener()?.destinations.report() ?? []) {
        this.set({ product: product(), action_type, destination: name }, Number(breaker !== 'closed'));
      }
    },
  });
  for (const [outcome, help] of [
    ['exported', 'Spans that the collector of traces took'],
    ['dropped', 'Spans left out since too many waited or the collector did not take them'],
  ] as const) {
    metrics.counter({
      name: `cortex_mqtt_spans_${outcome}_total`,
      help,
      labelNames: ['product'],
      collect() {
        this.reset();
        this.inc({ product: product() }, spans?.[outcome] ?? 0);
      },
    });
  }
  metrics.counter({
    name: 'cortex_mqtt_action_attempts_total',
    help: 'Attempts of actions by subscription, type and outcome; subscriptions beyond the bound have an empty label',
    labelNames: ['product', 'subscription', 'action_type', 'outcome'],
    collect() {
      this.reset();
      for (const { subscription, action_type, succeeded, failed } of listener()?.attempts.series() ?? []) {
        const labels = { product: product(), subscription, action_type };
        this.inc({ ...labels, outcome: 'succeeded' }, succeeded);
        this.inc({ ...labels, outcome: 'failed' }, failed);
      }
    },
  });
  registerHistogram(metrics, {
    name: 'cortex_mqtt_action_duration_seconds',
    help: 'Time that an attempt of an action takes, by subscription and type',
    series: () =>
      (listener()?.attempts.series() ?? []).map(({ subscription, action_type, durations }) => ({
        labels: { product: product(), subscription, action_type },
        values: durations.cumulative(BOUNDS_MS),
      })),
  });
  registerHistogram(metrics, {
    name: 'cortex_mqtt_delivery_duration_seconds',
    help: 'Time from receipt of a message to the end of its delivery',
    series: () => [{ labels: { product: product() }, values: listener()?.pipeline.cumulativeLatency(BOUNDS_MS) }],
  });
  registerHistogram(metrics, {
    name: 'cortex_mqtt_end_to_end_duration_seconds',
    help: "Time from the publisher's own time (published_at) to the end of a delivery, of messages that name it",
    series: () => [{ labels: { product: product() }, values: listener()?.pipeline.cumulativeEndToEnd(BOUNDS_MS) }],
  });
}

const subscriptionsOf = (of: ProductListener | null) =>
  (of?.pipeline.subscriptionCounters() ?? []).slice(0, MAX_SUBSCRIPTIONS);

function isConnected(of: ProductListener): boolean {
  const state = of.session?.snapshot().state;
  return state === 'connected' || state === 'degraded';
}

type Cumulative = ReturnType<LatencyHistogram['cumulative']>;

const NONE: Cumulative = { at_most: BOUNDS_MS.map(() => 0), count: 0, sum_ms: 0 };

/** The listener's own histograms, whose buckets add up over time and instances: read when somebody scrapes. */
function registerHistogram(
  metrics: Metrics,
  definition: {
    name: string;
    help: string;
    series(): { labels: Record<string, string>; values: Cumulative | undefined }[];
  },
): void {
  const { name, help, series } = definition;
  const type = 'histogram';
  const valuesOf = ({ labels, values = NONE }: ReturnType<typeof series>[number]) => [
    ...BOUNDS_MS.map((bound, index) => ({
      metricName: `${name}_bucket`,
      labels: { le: bound / 1_000, ...labels },
      value: values.at_most[index] ?? 0,
    })),
    { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: values.count },
    { metricName: `${name}_sum`, labels, value: values.sum_ms / 1_000 },
    { metricName: `${name}_count`, labels, value: values.count },
  ];
  metrics.registry.registerMetric({
    ...{ name, type, help, reset: () => undefined },
    get: async () => ({ name, type, help, aggregator: 'sum', values: series().flatMap(valuesOf) }),
  } as never);
}
