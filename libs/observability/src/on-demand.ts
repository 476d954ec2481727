// Loaded when first asked for: docs/decisions/0094-big-libraries-are-loaded-on-demand.md

export const promClient = () => require('prom-client') as typeof import('prom-client');
