import type { Logger } from '@cortex-mqtt/observability';
import type { ListenerConfig } from '../config';
import { createSampler } from './sampler';
import { SpanExporter } from './span-exporter';
import { Tracer } from './tracer';

type TracingConfig = Pick<
  ListenerConfig,
  | 'otlpEndpoint'
  | 'otlpHeaders'
  | 'otelServiceName'
  | 'otelResourceAttributes'
  | 'tracesSampler'
  | 'tracesSamplerArg'
  | 'instanceId'
>;

export interface Tracing {
  tracer: Tracer;
  exporter: SpanExporter;
}

/** null, and no library loaded, where no collector is named. */
export function createTracing(
  config: TracingConfig,
  deps: { version: string; product(): string; logger: Pick<Logger, 'warn' | 'info'> },
): Tracing | null {
  if (config.otlpEndpoint === undefined) return null;
  const exporter = new SpanExporter({
    endpoint: config.otlpEndpoint,
    headers: parsePairs(config.otlpHeaders),
    resource: {
      'service.version': deps.version,
      'service.instance.id': config.instanceId,
      ...parsePairs(config.otelResourceAttributes),
      'service.name': config.otelServiceName,
    },
    ...deps,
  });
  const sampler = createSampler(config.tracesSampler, Number(config.tracesSamplerArg));
  return { tracer: new Tracer({ sampler, exporter }), exporter };
}

/** `name=value,name=value`, percent-encoded (the form of W3C Baggage). */
export function parsePairs(text: string | undefined): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of (text ?? '').split(',')) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    if (at > 0 && name !== '') pairs[decoded(name)] = decoded(pair.slice(at + 1).trim());
  }
  return pairs;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not encoded after all.
    return text;
  }
}
