export * from './check-expression';
export * from './envelope';
export * from './expression-engine';
export * from './expression-error';
export { DEFAULT_LIMITS, type ExpressionLimits, MAX_SOURCE_CHARS } from './limits';
export * from './payload';
export * from './template';
export { type Placeholder, parseTemplate, TEMPLATE_NAMES, type TemplatePart } from './template-syntax';
