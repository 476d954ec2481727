// Loaded when first asked for: docs/decisions/0094-big-libraries-are-loaded-on-demand.md

export const jsonata = () => require('jsonata') as typeof import('jsonata');
export const re2 = () => require('re2js') as typeof import('re2js');
