import { checkExpression } from './check-expression';
import { ExpressionError, positionAt, type SourcePosition } from './expression-error';

/** One `{{…}}`. */
export interface Placeholder {
  kind: 'path' | 'expression' | 'secret';
  /** What stands inside, without braces, blanks and the `?`. */
  source: string;
  /** Names and indices, for a path; the name of the secret. */
  path: readonly (string | number)[];
  /** `{{path?}}`: empty instead of a fault when there is no value. */
  optional: boolean;
  /** Whether it stands between double quotes, as in `{"a": "{{topic}}"}`. */
  quoted: boolean;
  /** Where it begins in the template. */
  position: SourcePosition;
}

export type TemplatePart = string | Placeholder;

/** Names that a path in a template may begin with. */
export const TEMPLATE_NAMES = [
  'id',
  'product_id',
  'subscription_id',
  'topic',
  'params',
  'payload',
  'payload_base64',
  'qos',
  'retain',
  'duplicate',
  'user_properties',
  'received_at',
  'broker',
  'content_type',
  'response_topic',
  'correlation_data',
  'message_expiry_s',
  'published_at',
  'replay',
  'input',
  'secrets',
] as const;

/** A dash belongs to a name; to subtract, put blanks around it. */
const PATH = /^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*|\.\d+|\[\d+\])*$/;

/** Splits a template into its texts and placeholders. Throws ExpressionError with the place of a fault. */
export function parseTemplate(text: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let quoted = false;
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    const literal = text.slice(at, open === -1 ? undefined : open);
    if (literal !== '') parts.push(literal);
    if (open === -1) break;
    quoted = quotedAfter(literal, quoted);
    const close = closingBraces(text, open + 2);
    if (close === -1) {
      throw new ExpressionError('TEMPLATE_NOT_CLOSED', '"{{" has no matching "}}"', positionAt(text, open, '{{'));
    }
    parts.push(parsePlaceholder(text, { open, close, quoted }));
    at = close + 2;
  }
  return parts;
}

/** Whether a text that is JSON is inside a string behind `literal`. */
function quotedAfter(literal: string, before: boolean): boolean {
  let quoted = before;
  for (let index = 0; index < literal.length; index += 1) {
    const char = literal[index];
    if (char === '\\' && quoted) index += 1;
    else if (char === '"') quoted = !quoted;
  }
  return quoted;
}

/** Offset of the `}}` that ends a placeholder; braces and quotes of an expression inside are skipped. */
function closingBraces(text: string, from: number): number {
  let depth = 0;
  let quote: string | null = null;
  for (let index = from; index < text.length; index += 1) {
    const char = text[index] as string;
    if (quote !== null) {
      if (char === '\\') index += 1;
      else if (char === quote) quote = null;
    } else if (char === '"' || char === "'" || char === '`') quote = char;
    else if (char === '{') depth += 1;
    else if (char === '}') {
      if (depth === 0) return text[index + 1] === '}' ? index : -1;
      depth -= 1;
    }
  }
  return -1;
}

function parsePlaceholder(
  text: string,
  { open, close, quoted }: { open: number; close: number; quoted: boolean },
): Placeholder {
  const inner = text.slice(open + 2, close).trim();
  const optional = inner.endsWith('?');
  const source = optional ? inner.slice(0, -1).trimEnd() : inner;
  const position = positionAt(text, open, text.slice(open, close + 2));
  const fail = (code: string, message: string): never => {
    throw new ExpressionError(code, message, position);
  };
  if (source === '') return fail('TEMPLATE_EMPTY', '"{{}}" names nothing');
  if (PATH.test(source)) {
    const path = source
      .split(/[.[\]]+/)
      .filter((part) => part !== '')
      .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    const root = String(path[0]);
    if (!(TEMPLATE_NAMES as readonly string[]).includes(root)) {
      return fail(
        'TEMPLATE_UNKNOWN_NAME',
        `there is no "${root}"; a path begins with one of ${TEMPLATE_NAMES.join(', ')}`,
      );
    }
    if (root !== 'secrets') return { kind: 'path', source, path, optional, quoted, position };
    const name = path[1];
    if (path.length !== 2 || typeof name !== 'string')
      return fail('TEMPLATE_SECRET', 'a secret is written as {{secrets.NAME}}');
    if (optional) return fail('TEMPLATE_SECRET', 'a secret can not be optional');
    return { kind: 'secret', source, path: [name], optional, quoted, position };
  }
  const check = checkExpression(source);
  if (!check.ok) {
    const place = check.fault.position;
    const start = text.indexOf(source, open);
    const at = place === null ? position : positionAt(text, start + place.offset, place.token);
    throw new ExpressionError(check.fault.code, check.fault.message, at);
  }
  if (check.names.includes('secrets')) return fail('TEMPLATE_SECRET', 'a secret stands alone, as {{secrets.NAME}}');
  return { kind: 'expression', source, path: [], optional, quoted, position };
}
