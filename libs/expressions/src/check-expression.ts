import { mayRunInline } from './evaluation-place';
import { parseExpression } from './compiled-expression';
import { ExpressionError, positionAt, type SourcePosition } from './expression-error';
import { MAX_SOURCE_CHARS } from './limits';
import { KNOWN_FUNCTIONS, REMOVED_FUNCTIONS } from './native-functions';
import { linearFault } from './regex-engine';
import { calledName, isNode, type SyntaxNode, visitNodes } from './syntax-tree';

/** What is wrong with an expression before it has ever run. */
export interface ExpressionFault {
  code: string;
  message: string;
  position: SourcePosition | null;
}

export type ExpressionCheck =
  | {
      ok: true;
      /** `inline`: cheap, evaluated where the message is; `sandbox`: in a process of its own. */
      runs: 'inline' | 'sandbox';
      /** First names of the paths it reads, such as `payload`; may hold names of inner objects too. */
      names: string[];
    }
  | { ok: false; fault: ExpressionFault };

/** Checks an expression at save: syntax, functions that don't exist, regular expressions that can't run in linear time. */
export function checkExpression(source: string): ExpressionCheck {
  if (source.trim() === '') return fault('EMPTY_EXPRESSION', 'the expression is empty', positionAt(source, 0, null));
  if (source.length > MAX_SOURCE_CHARS) {
    return fault('EXPRESSION_TOO_LONG', `an expression has at most ${MAX_SOURCE_CHARS} characters`, null);
  }
  let root: SyntaxNode;
  try {
    root = parseExpression(source).ast() as SyntaxNode;
  } catch (error) {
    if (error instanceof ExpressionError) return fault(error.code, error.message, error.position);
    throw error;
  }
  const bound = boundNames(root);
  const names = new Set<string>();
  let found: ExpressionFault | null = null;
  let repeats = 0;
  visitNodes(root, (node) => {
    if (node.type === 'regex' && node.value instanceof RegExp) repeats += repeatsOf(node.value);
    found ??=
      repeats > MAX_REPEATS
        ? { code: 'EXPRESSION_TOO_COMPLEX', message: TOO_MANY_REPEATS, position: placeOf(node, source) }
        : nodeFault(node, source, bound);
    if (node.type === 'path' && Array.isArray(node.steps) && isNode(node.steps[0]) && node.steps[0].type === 'name') {
      names.add(String(node.steps[0].value));
    }
  });
  if (found) return { ok: false, fault: found };
  return { ok: true, runs: mayRunInline(root) ? 'inline' : 'sandbox', names: [...names] };
}

/** A pattern of linear time is written out for each repetition: `x{500}` is 500 steps that have to be made first. */
const MAX_REPEATS = 2_000;
const TOO_MANY_REPEATS = `the regular expressions of an expression repeat at most ${MAX_REPEATS} times in all, counted as {n}`;

function repeatsOf({ source }: RegExp): number {
  let repeats = 0;
  for (const [, from, to] of source.matchAll(/\{(\d{1,6})(?:,(\d{0,6}))?\}/g))
    repeats += Math.max(Number(from), Number(to ?? 0));
  return repeats;
}

function fault(code: string, message: string, position: SourcePosition | null): ExpressionCheck {
  return { ok: false, fault: { code, message, position } };
}

function nodeFault(node: SyntaxNode, source: string, bound: ReadonlySet<string>): ExpressionFault | null {
  if (node.type === 'variable' && REMOVED_FUNCTIONS.has(String(node.value))) {
    return {
      code: 'FUNCTION_NOT_AVAILABLE',
      message: `$${node.value} is not available`,
      position: placeOf(node, source),
    };
  }
  if (node.type === 'function' || node.type === 'partial') {
    const name = calledName(node);
    if (
      name !== null &&
      name !== '' &&
      !KNOWN_FUNCTIONS.has(name) &&
      !REMOVED_FUNCTIONS.has(name) &&
      !bound.has(name)
    ) {
      return {
        code: 'UNKNOWN_FUNCTION',
        message: `there is no function $${name}`,
        position: isNode(node.procedure) ? placeOf(node.procedure, source) : null,
      };
    }
  }
  if (node.type === 'regex' && node.value instanceof RegExp) {
    const reason = linearFault(node.value);
    if (reason !== null) return { code: 'UNSUPPORTED_REGEX', message: reason, position: placeOf(node, source) };
  }
  return null;
}

function placeOf(node: SyntaxNode, source: string): SourcePosition | null {
  if (node.position === undefined) return null;
  if (node.type !== 'variable') return positionAt(source, node.position, null);
  const token = `$${node.value}`;
  return positionAt(source, node.position - token.length, token);
}

function boundNames(root: SyntaxNode): Set<string> {
  const bound = new Set<string>();
  const bind = (value: unknown) => {
    if (isNode(value)) bound.add(String(value.value));
    else if (typeof value === 'string') bound.add(value);
  };
  visitNodes(root, (node) => {
    if (node.type === 'bind') bind(node.lhs);
    if (node.type === 'lambda' && Array.isArray(node.arguments)) node.arguments.forEach(bind);
    bind(node.focus);
    if (typeof node.index === 'string') bind(node.index);
  });
  return bound;
}
