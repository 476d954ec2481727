import type { MessageEnvelope } from '@cortex-mqtt/contracts';
import { jsonTextOf, ownProperties } from './envelope';
import type { ExactValue } from './exact-value';
import type { ExpressionEngine } from './expression-engine';
import { ExpressionError, type SourcePosition } from './expression-error';
import { compactJson, mayChange } from './json-numbers';
import { jsonSourceAt } from './json-source';
import { DEFAULT_LIMITS } from './limits';
import { type Placeholder, parseTemplate, type TemplatePart } from './template-syntax';

/** What stands in for a secret wherever its value must not be seen. */
export const REDACTED = '•••';

/**
 * How values are put into the text around them. `url`: percent-encoded, so that a value can't add a path or a host, and never
 * empty in the path, where `/users/{{payload.id}}` would become another resource (`{{payload.id?}}` may be); `form`: as HTML forms
 * encode them; `header`: refused with control characters or beyond Latin-1 (RFC 9110, 5.5); `json`: as a JSON value, or as the inside
 * of a string where the placeholder stands between quotes; `none`: as it is.
 */
export type Escape = 'url' | 'form' | 'header' | 'json' | 'none';

/** Before the first `?` or `#` a URL is a path. */
type Context = Escape | 'path';

export interface TemplateScope {
  envelope: MessageEnvelope;
  /** What the action's `input` gave; undefined when it has none. */
  input?: ExactValue;
  /** Value of a secret; undefined when there is none. `redact` shows `•••` in place of each, without asking. */
  secrets: ((name: string) => string | undefined) | 'redact';
  engine: ExpressionEngine;
}

export interface Template {
  text: string;
  /** The text when it has no placeholder, else null. */
  constant: string | null;
  parts: readonly TemplatePart[];
  secretNames: string[];
  /**
   * Throws or rejects with ExpressionError when a value is missing (and not optional) or can't be written there. A promise
   * only where the template holds an expression.
   */
  render(scope: TemplateScope, options: { escape: Escape }): string | Promise<string>;
}

/** Throws ExpressionError with the place of a fault. */
export function compileTemplate(text: string): Template {
  const parts = parseTemplate(text);
  const constant = parts.every((part) => typeof part === 'string') ? parts.join('') : null;
  return {
    text,
    constant,
    parts,
    secretNames: secretsOf(parts),
    render: (scope, options) => (constant === null ? renderParts(parts, scope, options.escape) : constant),
  };
}

/** Names of the secrets a template uses, each once. Throws ExpressionError as `compileTemplate` does. */
export function listSecretNames(text: string): string[] {
  return secretsOf(parseTemplate(text));
}

export type TemplateCheck =
  | { ok: true; secretNames: string[] }
  | { ok: false; fault: { code: string; message: string; position: SourcePosition | null } };

/** Checks a template at save. */
export function checkTemplate(text: string): TemplateCheck {
  try {
    return { ok: true, secretNames: listSecretNames(text) };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { ok: false, fault: { code: error.code, message: error.message, position: error.position } };
  }
}

function secretsOf(parts: readonly TemplatePart[]): string[] {
  const names = parts.flatMap((part) =>
    typeof part !== 'string' && part.kind === 'secret' ? [String(part.path[0])] : [],
  );
  return [...new Set(names)];
}

function renderParts(parts: readonly TemplatePart[], scope: TemplateScope, how: Escape): string | Promise<string> {
  let context: Context = how === 'url' ? 'path' : how;
  const rendered = parts.map((part) => {
    if (typeof part !== 'string') return renderPlaceholder(part, scope, context);
    if (context === 'path' && /[?#]/.test(part)) context = 'url';
    return part;
  });
  if (rendered.every((part) => typeof part === 'string')) return joined(rendered);
  return Promise.all(rendered).then(joined);
}

function joined(parts: readonly string[]): string {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > DEFAULT_LIMITS.string_chars) {
    throw new ExpressionError('TEMPLATE_TOO_LONG', `the text grows beyond ${DEFAULT_LIMITS.string_chars} characters`);
  }
  return parts.join('');
}

function renderPlaceholder(hole: Placeholder, scope: TemplateScope, context: Context): string | Promise<string> {
  switch (hole.kind) {
    case 'secret': {
      if (scope.secrets === 'redact') return REDACTED;
      const name = String(hole.path[0]);
      const value = scope.secrets(name);
      if (value === undefined)
        throw new ExpressionError('SECRET_MISSING', `there is no secret "${name}"`, hole.position);
      return written(value, hole, context);
    }
    case 'path': {
      const found = lookUp(hole.path, scope);
      if (found !== NOT_PLAIN) return written(asItCame(found, hole, scope), hole, context);
      return evaluated(asExpression(hole.path), hole, scope, context);
    }
    case 'expression':
      return evaluated(hole.source, hole, scope, context);
  }
}

async function evaluated(source: string, hole: Placeholder, scope: TemplateScope, context: Context): Promise<string> {
  const bindings = scope.input === undefined ? {} : { input: scope.input };
  const exact = await scope.engine.evaluateExact(source, scope.envelope, { bindings });
  const isText = exact === undefined || typeof exact.value === 'string' || exact.value === null;
  return written(isText ? exact?.value : new JsonText(exact.json), hole, context);
}

/** A path through something other than plain objects and indices; JSONata knows what it means. */
const NOT_PLAIN = Symbol('not plain');

function lookUp(path: readonly (string | number)[], scope: TemplateScope): unknown {
  let value: unknown = path[0] === 'input' ? { input: scope.input?.value } : ownProperties(scope.envelope);
  for (const part of path) {
    if (typeof value !== 'object' || value === null)
      return typeof part === 'number' && value !== undefined ? NOT_PLAIN : undefined;
    if (Array.isArray(value)) {
      if (typeof part !== 'number') return NOT_PLAIN;
      value = value[part];
    } else {
      if (typeof part === 'number' && !Object.hasOwn(value, part)) return NOT_PLAIN;
      value = Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
    }
  }
  return value;
}

function asExpression(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (index === 0) return part === 'input' ? '$input' : part;
      return `.\`${part}\``;
    })
    .join('');
}

/** Numbers, objects and arrays are written as the payload, or the text of the input, has them. */
function asItCame(value: unknown, hole: Placeholder, scope: TemplateScope): unknown {
  if (typeof value !== 'number' && (typeof value !== 'object' || value === null)) return value;
  const text = sourceOf(hole.path[0], scope);
  if (text === null || (typeof value === 'number' && !mayChange(text))) return value;
  const source = jsonSourceAt(text, hole.path.slice(1));
  return source === null ? value : new JsonText(compactJson(source));
}

function sourceOf(root: unknown, { envelope, input }: TemplateScope): string | null {
  if (root === 'payload') return jsonTextOf(envelope);
  return root === 'input' && input?.has_own_text ? input.json : null;
}

/** A number, an object or an array as JSON. */
class JsonText {
  constructor(readonly text: string) {}
}

function written(value: unknown, hole: Placeholder, context: Context): string {
  if (value === undefined || (value === null && context !== 'json')) {
    if (hole.optional) return context === 'json' && !hole.quoted ? 'null' : '';
    throw new ExpressionError(
      'TEMPLATE_MISSING_VALUE',
      `the message has no value for {{${hole.source}}}${value === null ? ' (it is null)' : ''}`,
      hole.position,
    );
  }
  const text = value instanceof JsonText ? value.text : typeof value === 'string' ? value : JSON.stringify(value);
  switch (context) {
    case 'none':
      return text;
    case 'path':
      if (text === '' && !hole.optional) {
        throw new ExpressionError(
          'TEMPLATE_EMPTY_VALUE',
          `the value of {{${hole.source}}} is empty, and the URL would lead elsewhere; {{${hole.source}?}} allows it`,
          hole.position,
        );
      }
      return encode(text, hole);
    case 'url':
      return encode(text, hole);
    case 'form':
      return encode(text, hole)
        .replace(/%20/g, '+')
        .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
    case 'header':
      if (/[^\t\x20-\x7e\x80-\xff]/.test(text)) {
        throw new ExpressionError(
          'TEMPLATE_HEADER_VALUE',
          `the value of {{${hole.source}}} has a line break, a control character or a letter that a header can't hold`,
          hole.position,
        );
      }
      return text;
    case 'json':
      if (hole.quoted) return value === null ? 'null' : JSON.stringify(text).slice(1, -1);
      return typeof value === 'string' ? JSON.stringify(value) : text;
  }
}

function encode(text: string, hole: Placeholder): string {
  try {
    return encodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new ExpressionError(
      'TEMPLATE_URL_VALUE',
      `the value of {{${hole.source}}} holds half a character`,
      hole.position,
    );
  }
}
