import { serializeEnvelope, type TemplateScope } from '@cortex-mqtt/expressions';
import type { PrepareContext } from './action-type';

/** What templates read, out of what an action is prepared with. */
export function scopeOf(context: PrepareContext): TemplateScope {
  return { envelope: context.envelope, input: context.input, secrets: context.secrets, engine: context.engine };
}

/** What an action sends when it has no template of its own: `input` as JSON, else the envelope. */
export function defaultJson(context: PrepareContext): string {
  return context.input === undefined ? serializeEnvelope(context.envelope) : context.input.json;
}

/** Whether a template is JSON with holes in it, so that values must be written as JSON. */
export function looksLikeJson(template: string): boolean {
  return /^\s*(?:\[|\{(?!\{))/.test(template);
}
