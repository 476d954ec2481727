// Loaded when first asked for: docs/decisions/0094-big-libraries-are-loaded-on-demand.md

export const postgres = () => require('pg') as typeof import('pg');

/** What makes JSON Schemas of validated classes; the orchestrator alone does. */
export const jsonSchema = () => require('class-validator-jsonschema') as typeof import('class-validator-jsonschema');
export const classTransformerStorage = () =>
  require('class-transformer/cjs/storage') as typeof import('class-transformer/cjs/storage');
