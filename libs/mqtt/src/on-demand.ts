// Loaded when first asked for: docs/decisions/0094-big-libraries-are-loaded-on-demand.md

export const ws = () => require('ws') as typeof import('ws');
export const mqtt = () => require('mqtt') as typeof import('mqtt');
