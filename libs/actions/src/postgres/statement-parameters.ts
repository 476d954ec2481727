/** Where no parameter is looked for: strings, quoted names, comments, dollar-quoted bodies (PostgreSQL documentation, 4.1). */
const QUOTED = [/'(?:[^']|'')*(?:'|$)/y, /"(?:[^"]|"")*(?:"|$)/y, /--[^\n]*/y];
/** With backslashes in it. */
const ESCAPE_STRING = /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const PARAMETER = /\$(\d{1,5})/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;

/** A part of a statement that is looked at as a whole. */
export interface StatementPiece {
  at: number;
  text: string;
  /** The number of a parameter; null = it is none. */
  parameter: number | null;
  kind: 'blank' | 'other';
}

/** A statement in its pieces: words, parameters, quoted texts, comments, single characters. Joined they are the statement. */
export function* statementPieces(statement: string): Generator<StatementPiece> {
  for (let at = 0; at < statement.length; ) {
    const parameter = parameterAt(statement, at);
    const length = parameter === null ? lengthAt(statement, at) : matchedAt(PARAMETER, statement, at);
    const text = statement.slice(at, at + length);
    const is_blank = text.startsWith('--') || text.startsWith('/*') || text.trim() === '';
    yield { at, text, parameter, kind: is_blank ? 'blank' : 'other' };
    at += length;
  }
}

/** The highest of `$1`, `$2`, … that a statement uses; 0 = none. */
export function highestParameter(statement: string): number {
  let highest = 0;
  for (const { parameter } of statementPieces(statement)) highest = Math.max(highest, parameter ?? 0);
  return highest;
}

function parameterAt(text: string, at: number): number | null {
  PARAMETER.lastIndex = at;
  const found = PARAMETER.exec(text);
  return found ? Number(found[1]) : null;
}

/** Characters of what begins at `at`. */
function lengthAt(text: string, at: number): number {
  if (text.startsWith('/*', at)) return endOfComment(text, at) - at;
  for (const pattern of [ESCAPE_STRING, ...QUOTED]) {
    const length = matchedAt(pattern, text, at);
    if (length > 0) return length;
  }
  const tag = matchedAt(DOLLAR_TAG, text, at);
  if (tag > 0) {
    const end = text.indexOf(text.slice(at, at + tag), at + tag);
    return (end === -1 ? text.length : end + tag) - at;
  }
  // A `$` inside a name, as in `a$2`, is no parameter.
  return matchedAt(WORD, text, at) || 1;
}

function matchedAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

/** Comments nest. */
function endOfComment(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (text.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
