// Loaded when first asked for: docs/decisions/0094-big-libraries-are-loaded-on-demand.md

export const openTelemetry = () => ({
  api: require('@opentelemetry/api') as typeof import('@opentelemetry/api'),
  sdk: require('@opentelemetry/sdk-trace-base') as typeof import('@opentelemetry/sdk-trace-base'),
  resources: require('@opentelemetry/resources') as typeof import('@opentelemetry/resources'),
  otlp: require('@opentelemetry/exporter-trace-otlp-proto') as typeof import('@opentelemetry/exporter-trace-otlp-proto'),
});
