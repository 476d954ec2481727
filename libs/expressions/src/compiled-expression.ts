import { runInNewContext } from 'node:vm';
import type jsonata from 'jsonata';
import { boundedFunctions, checkString, harden } from './bounded-functions';
import { MOMENT, type Moment, MomentClock } from './evaluation-moment';
import { ExpressionError, positionAt } from './expression-error';
import { type EvaluationBounds, LimitReached } from './limits';
import { type JsonataFunction, nativeFunctions, REMOVED_FUNCTIONS } from './native-functions';
import { jsonata as loadJsonata } from './on-demand';
import { parseCost } from './parse-cost';
import { toPlainValue } from './plain-value';
import { LinearRegExp } from './regex-engine';
import { isNode, type SyntaxNode, visitNodes } from './syntax-tree';

/** An expression ready to run under one set of bounds. */
export interface CompiledExpression {
  /** A plain JSON-compatible value, undefined when nothing was found. Throws ExpressionError. */
  evaluate(input: unknown, bindings: Readonly<Record<string, unknown>>, moment: Moment | null): Promise<unknown>;
}

const CONCATENATE = 'text concatenation';
const EQUALS = 'deep equality';
const UNEQUAL = 'deep inequality';

/** Compiles `source`, which `checkExpression` has found sound. */
export function createCompiler(bounds: EvaluationBounds): (source: string) => Promise<CompiledExpression> {
  const options: jsonata.JsonataOptions = {
    timeout: bounds.time_ms,
    stack: bounds.depth,
    sequence: bounds.sequence_items,
    RegexEngine: LinearRegExp as unknown as RegExpConstructor,
  };
  let functions: ReadonlyMap<string, JsonataFunction> | null = null;

  return async (source) => {
    functions ??= boundedFunctions(await nativeFunctions(), bounds);
    const expression = parseExpression(source, options);
    const root = expression.ast() as SyntaxNode;
    const names = new Set<string>();
    visitNodes(root, (node) => {
      if (node.type === 'variable' && typeof node.value === 'string') names.add(node.value);
      if (node.type === 'transform') names.add('clone');
    });
    for (const name of names) {
      const bounded = functions.get(name);
      if (bounded) expression.assign(name, bounded);
    }
    for (const name of REMOVED_FUNCTIONS) expression.assign(name, undefined);
    boundOperators(root, expression, bounds);
    return {
      evaluate: async (input, bindings, moment) => {
        try {
          const variables = { ...bindings, [MOMENT]: new MomentClock(moment, source) };
          return toPlainValue(await expression.evaluate(input, variables), bounds.result_chars);
        } catch (error) {
          throw toExpressionError(error, source);
        }
      },
    };
  };
}

/** Nodes of a syntax tree. */
const MAX_NODES = 20_000;
/** Characters that the parser goes over, those it goes over twice counted twice: some tenth of a second. */
const MAX_PARSE_COST = 1_000_000;

/**
 * Throws ExpressionError with the place of a syntax fault. Each `??` and `?:` makes JSONata's parser go over its left side
 * twice, so thirty of them in one another take it a minute: with more than a few of them it runs under a watchdog.
 */
export function parseExpression(source: string, options?: jsonata.JsonataOptions): jsonata.Expression {
  if (parseCost(source) > MAX_PARSE_COST) throw tooComplex();
  const fallbacks = source.split(/\?\?|\?:/).length - 1;
  const parse = () => {
    try {
      return loadJsonata()(source, options);
    } catch (error) {
      throw toExpressionError(error, source);
    }
  };
  const parsed = fallbacks <= MAX_UNWATCHED_FALLBACKS ? parse() : watched(parse);
  let nodes = 0;
  visitNodes(parsed.ast() as SyntaxNode, () => {
    nodes += 1;
    if (nodes > MAX_NODES) throw tooComplex();
  });
  return parsed;
}

/** So many are parsed in a few milliseconds however they are nested. */
const MAX_UNWATCHED_FALLBACKS = 10;
/** Milliseconds of a try, and of computing within it that show that it was not for want of a processor. */
const PARSE_TIME_MS = 500;
const PARSE_CPU_MS = 250;
const PARSE_TRIES = 5;

/** Runs synchronous code that may take for ever. A machine that is out of breath is no fault of the expression. */
function watched<T>(work: () => T): T {
  for (let attempt = 1; ; attempt += 1) {
    const before = process.cpuUsage();
    const result: { value?: T } = {};
    const run = () => {
      result.value = work();
    };
    try {
      // Of all that runs in a thread only `vm` can be given a time limit, and that reaches into functions called from it.
      runInNewContext('run()', { run }, { timeout: PARSE_TIME_MS });
      return result.value as T;
    } catch (error) {
      if (!isTimeout(error)) throw error;
      const used = process.cpuUsage(before);
      if (attempt === PARSE_TRIES || (used.user + used.system) / 1_000 >= PARSE_CPU_MS) throw tooComplex();
    }
  }
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

function tooComplex(): ExpressionError {
  return new ExpressionError(
    'EXPRESSION_TOO_COMPLEX',
    'the expression is too deeply nested; use fewer "??" and "?:" in one another',
  );
}

/**
 * `&` and, where an expression builds values, `=` and `!=` become calls of bounded functions: twenty doublings of a text
 * or of an object are a hundred characters of source, and a comparison can't be interrupted.
 */
function boundOperators(root: SyntaxNode, expression: jsonata.Expression, bounds: EvaluationBounds): void {
  let builds = false;
  const operators: SyntaxNode[] = [];
  visitNodes(root, (node) => {
    builds ||= (node.type === 'unary' && (node.value === '{' || node.value === '[')) || node.type === 'bind';
    if (node.type === 'binary') operators.push(node);
  });
  const rewrite = (node: SyntaxNode, name: string) => {
    const { lhs, rhs, position } = node;
    Object.assign(node, {
      type: 'function',
      value: '(',
      arguments: [lhs, rhs],
      procedure: { type: 'variable', value: name, position },
    });
    delete node.lhs;
    delete node.rhs;
  };
  for (const node of operators) {
    if (node.value === '&') rewrite(node, CONCATENATE);
    else if (builds && (node.value === '=' || node.value === '!=') && !comparesLiteral(node)) {
      rewrite(node, node.value === '=' ? EQUALS : UNEQUAL);
    }
  }
  expression.assign(
    CONCATENATE,
    harden((left: unknown, right: unknown) => concatenate(left, right, bounds), undefined),
  );
  expression.assign(
    EQUALS,
    harden(
      (left: unknown, right: unknown) => left !== undefined && right !== undefined && deepEqual(left, right, bounds),
      undefined,
    ),
  );
  expression.assign(
    UNEQUAL,
    harden(
      (left: unknown, right: unknown) => left !== undefined && right !== undefined && !deepEqual(left, right, bounds),
      undefined,
    ),
  );
}

/** One side is a number, text or the like: equal in one step. */
function comparesLiteral(node: SyntaxNode): boolean {
  return [node.lhs, node.rhs].some((side) => isNode(side) && ['string', 'number', 'value'].includes(side.type));
}

function concatenate(left: unknown, right: unknown, bounds: EvaluationBounds): string {
  const text = asText(left, bounds) + asText(right, bounds);
  checkString(text, bounds);
  return text;
}

/** As `$string` has it, and nothing for what isn't there. */
function asText(value: unknown, bounds: EvaluationBounds): string {
  if (typeof value === 'string') return value;
  if (value === undefined) return '';
  const plain = toPlainValue(value, bounds.string_chars);
  return plain === undefined ? '' : JSON.stringify(roundedNumbers(plain));
}

/** JSONata writes numbers with 15 digits, so that 0.1 + 0.2 reads 0.3. */
function roundedNumbers(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(15));
  if (Array.isArray(value)) return value.map(roundedNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, roundedNumbers(item)]));
}

function deepEqual(left: unknown, right: unknown, bounds: EvaluationBounds): boolean {
  let steps = bounds.result_chars;
  const equal = (a: unknown, b: unknown): boolean => {
    steps -= 1;
    if (steps < 0) throw new LimitReached('EXPRESSION_RESULT_LIMIT', 'a comparison has too many values');
    if (Object.is(a, b) || a === b) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
    if (Array.isArray(a) || Array.isArray(b)) {
      return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
    }
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every(
        (name) =>
          Object.hasOwn(b, name) && equal((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
      )
    );
  };
  return equal(left, right);
}

/** Codes of JSONata's own guardrails: stack, time, sequence length, range length. */
const LIMIT_CODES: Readonly<Record<string, string>> = {
  D1011: 'EXPRESSION_DEPTH_LIMIT',
  U1001: 'EXPRESSION_DEPTH_LIMIT',
  D1012: 'EXPRESSION_TIME_LIMIT',
  D2014: 'EXPRESSION_SEQUENCE_LIMIT',
  D2015: 'EXPRESSION_SEQUENCE_LIMIT',
};

/** Whether an evaluation ended because it went beyond its bounds, not because of what it computed. */
export function isLimit(error: ExpressionError): boolean {
  return /^EXPRESSION_.*_LIMIT$/.test(error.code);
}

/** JSONata throws plain objects, our bounds LimitReached, a native function whatever it likes. A decode fault passes. */
function toExpressionError(error: unknown, source: string): unknown {
  if (error instanceof RangeError) {
    return new ExpressionError(
      'EXPRESSION_DEPTH_LIMIT',
      `the expression goes beyond what can be computed: ${error.message}`,
    );
  }
  if (typeof error !== 'object' || error === null) return error;
  const { code, message, position, token, value } = error as Record<string, unknown>;
  if (
    typeof code !== 'string' ||
    (error instanceof Error && !(error instanceof LimitReached) && !/^[A-Z]\d{4}$/.test(code))
  ) {
    return error instanceof TypeError ? new ExpressionError('EXPRESSION_FAILED', error.message) : error;
  }
  const place = typeof position === 'number' ? placeOf(source, position, token) : null;
  const text =
    typeof message === 'string' && message !== '' ? message : `the expression failed: ${JSON.stringify(value)}`;
  return new ExpressionError(LIMIT_CODES[code] ?? code, inWords(code, text), place);
}

/** JSONata's positions lie behind the token they are about. */
function placeOf(source: string, position: number, token: unknown) {
  const text = typeof token === 'string' && token !== '(end)' ? token : null;
  const start =
    text !== null && source.slice(position - text.length, position) === text ? position - text.length : position;
  return positionAt(source, start, text);
}

/** The faults that people meet most, in plainer words than JSONata's. */
function inWords(code: string, message: string): string {
  switch (code) {
    case 'D1011':
    case 'U1001':
      return 'the expression calls itself too deep';
    case 'D1012':
      return 'the expression takes too long';
    case 'D2014':
    case 'D2015':
      return 'a sequence has too many items';
    case 'T1006':
      return 'something is called that is not a function';
    default:
      return message;
  }
}
