import { type Escape, serializeEnvelope, type TemplateScope } from '@cortex-mqtt/expressions';
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

/** `application/json`, `application/problem+json`, `application/x-ndjson`, `application/json-seq`, … */
const JSON_TYPE = /^\s*[\w.+-]+\/(?:[\w.-]+\+)?(?:x-)?(?:nd)?json(?:[\w-]*)\s*(?:;|$)/i;
const FORM_TYPE = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** How values are written into a body or payload: after its content type, or after what it looks like. */
export function escapeOf(template: string, content_type: string | null | undefined): Escape {
  if (content_type != null && FORM_TYPE.test(content_type)) return 'form';
  return looksLikeJson(template) || (content_type != null && JSON_TYPE.test(content_type)) ? 'json' : 'none';
}
