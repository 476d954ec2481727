import {
  compileTemplate,
  type Escape,
  serializeEnvelope,
  type Template,
  type TemplateScope,
} from '@cortex-mqtt/expressions';
import type { PrepareContext } from './action-type';

const compiled = new WeakMap<object, Map<string, Template>>();

/**
 * Renders a template of a definition. Compiled once a definition object, which lives as long as its revision: the
 * compiled ones go with it.
 */
export function renderField(
  definition: object,
  text: string,
  context: PrepareContext,
  options: { escape: Escape },
): string | Promise<string> {
  let templates = compiled.get(definition);
  if (!templates) {
    templates = new Map();
    compiled.set(definition, templates);
  }
  let template = templates.get(text);
  if (!template) {
    template = compileTemplate(text);
    templates.set(text, template);
  }
  return template.constant ?? template.render(scopeOf(context), options);
}

/** What templates read, out of what an action is prepared with. */
export function scopeOf(context: PrepareContext): TemplateScope {
  return { envelope: context.envelope, input: context.input, secrets: context.secrets, engine: context.engine };
}

/** What an action sends when it has no template of its own: `input` as JSON, else the envelope. */
export function defaultJson(context: PrepareContext): string {
  return context.input === undefined ? serializeEnvelope(context.envelope) : JSON.stringify(context.input);
}

/** Whether a template is JSON with holes in it, so that values must be written as JSON. */
export function looksLikeJson(template: string): boolean {
  return /^\s*(?:\[|\{(?!\{))/.test(template);
}
