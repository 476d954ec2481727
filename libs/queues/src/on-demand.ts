// Loaded when first asked for: docs/decisions/0094-big-libraries-are-loaded-on-demand.md

export const bullmq = () => require('bullmq') as typeof import('bullmq');
export const ioredis = () => require('ioredis') as typeof import('ioredis');
export const postgres = () => require('pg') as typeof import('pg');
