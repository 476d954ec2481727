import type {
  Counter,
  CounterConfiguration,
  Gauge,
  GaugeConfiguration,
  Histogram,
  HistogramConfiguration,
  Registry,
} from 'prom-client';
import { promClient } from './on-demand';

type WithoutRegistry<C> = Omit<C, 'registers'>;

/** Prometheus metrics of one process, in a registry of their own. */
export interface Metrics {
  registry: Registry;
  counter<L extends string>(configuration: WithoutRegistry<CounterConfiguration<L>>): Counter<L>;
  gauge<L extends string>(configuration: WithoutRegistry<GaugeConfiguration<L>>): Gauge<L>;
  histogram<L extends string>(configuration: WithoutRegistry<HistogramConfiguration<L>>): Histogram<L>;
  /** The exposition text and its content type. */
  render(): Promise<{ content_type: string; body: string }>;
}

export interface MetricsOptions {
  /** Label `service` of every metric. */
  service: string;
  version?: string;
  git_commit?: string;
  /** Process and event-loop metrics too; their event-loop monitor lives as long as the process. */
  defaultMetrics?: boolean;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } = promClient();
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  if (options.defaultMetrics) {
    collectDefaultMetrics({ register: registry });
    // Gauges with the name of a counter; the same is there by type, to be summed.
    for (const what of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${what}_total`);
  }
  const registers = [registry];
  const metrics: Metrics = {
    registry,
    counter: (configuration) => new Counter({ ...configuration, registers }),
    gauge: (configuration) => new Gauge({ ...configuration, registers }),
    histogram: (configuration) => new Histogram({ ...configuration, registers }),
    render: async () => ({ content_type: registry.contentType, body: await registry.metrics() }),
  };
  metrics
    .gauge({ name: 'cortex_mqtt_build_info', help: 'Always 1', labelNames: ['version', 'git_commit'] })
    .set({ version: options.version ?? 'unknown', git_commit: options.git_commit ?? 'unknown' }, 1);
  return metrics;
}
