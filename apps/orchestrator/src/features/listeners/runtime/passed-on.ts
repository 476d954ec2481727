import type { OrchestratorConfig } from '../../../config';

/** Settings of the orchestrator that listeners started here have, too; for what was not given they have their own defaults. */
export function passedOn(config: Readonly<OrchestratorConfig>): Record<string, string> {
  return {
    NODE_ENV: config.nodeEnv,
    LOG_LEVEL: config.logLevel,
    LOG_FORMAT: config.logFormat,
    EGRESS_ALLOW: config.egressAllow.join(','),
    ...given({
      DEAD_LETTERS_MAX: config.deadLettersMax,
      DEAD_LETTERS_MAX_MB: config.deadLettersMaxMb,
      DEAD_LETTERS_WHEN_FULL: config.deadLettersWhenFull,
      MAX_PAYLOAD_BYTES: config.maxPayloadBytes,
      OTEL_EXPORTER_OTLP_ENDPOINT: config.otlpEndpoint,
      OTEL_EXPORTER_OTLP_HEADERS: config.otlpHeaders,
      OTEL_RESOURCE_ATTRIBUTES: config.otelResourceAttributes,
      OTEL_TRACES_SAMPLER: config.tracesSampler,
      OTEL_TRACES_SAMPLER_ARG: config.tracesSamplerArg,
    }),
  };
}

function given(settings: Record<string, string | number | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
