import { type StatementPiece, statementPieces } from './statement-parameters';

/** Parameters of one statement (PostgreSQL protocol: a 16-bit count). */
const MAX_PARAMETERS = 65_535;
const ARRAY_CAST = /^\s*::\s*(?:"[^"]+"|[A-Za-z_][\w .]*)(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?\s*\[\]/;

/** How a statement takes the values of several messages. */
export type BatchStatement =
  /** `INSERT … VALUES (…)`: a row of values for each. */
  | { kind: 'rows'; before: string; row: readonly (string | number)[]; after: string; parameters: number }
  /** Each parameter is an array with a value for each. */
  | { kind: 'arrays'; statement: string };

/**
 * null: it does neither. A plain `INSERT … VALUES (…)` whose parameters all stand in that row gets more rows; else every parameter has to be
 * cast to an array, as in `unnest($1::text[], $2::int[])`.
 */
export function batchStatementOf(statement: string): BatchStatement | null {
  const pieces = [...statementPieces(statement)];
  const rows = rowsOf(pieces);
  if (rows !== null) return rows;
  const parameters = pieces.filter(({ parameter }) => parameter !== null);
  const are_arrays = parameters.every(({ at, text }) => ARRAY_CAST.test(statement.slice(at + text.length)));
  return parameters.length > 0 && are_arrays ? { kind: 'arrays', statement } : null;
}

/** Rows that one statement may have. */
export function mostRows(batch: BatchStatement): number {
  return batch.kind === 'arrays'
    ? Number.POSITIVE_INFINITY
    : Math.floor(MAX_PARAMETERS / Math.max(1, batch.parameters));
}

/** The statement for the values of several messages; `values`: those of each, in the order of `$1`, `$2`, …. */
export function statementFor(
  batch: BatchStatement,
  values: readonly (readonly unknown[])[],
): { statement: string; parameters: unknown[] } {
  if (batch.kind === 'arrays') {
    const count = values[0]?.length ?? 0;
    const columns = Array.from({ length: count }, (_, index) => values.map((of_message) => of_message[index] ?? null));
    return { statement: batch.statement, parameters: columns };
  }
  const { before, row, after, parameters } = batch;
  const rows = values.map((_, index) =>
    row.map((part) => (typeof part === 'string' ? part : `$${part + index * parameters}`)).join(''),
  );
  return { statement: before + rows.join(', ') + after, parameters: values.flat() };
}

function rowsOf(pieces: readonly StatementPiece[]): BatchStatement | null {
  const isWord = (piece: StatementPiece, word: string) => piece.text.toLowerCase() === word;
  const first = pieces.find(({ kind }) => kind !== 'blank');
  if (first === undefined || !isWord(first, 'insert')) return null;
  let depth = 0;
  const keyword = pieces.findIndex((piece) => {
    if (piece.text === '(') depth += 1;
    if (piece.text === ')') depth -= 1;
    return depth === 0 && isWord(piece, 'values');
  });
  const open = pieces.findIndex(({ kind }, index) => index > keyword && kind !== 'blank');
  if (keyword === -1 || pieces[open]?.text !== '(') return null;
  const close = closingOf(pieces, open);
  const behind = pieces.find(({ kind }, index) => index > close && kind !== 'blank');
  if (close === -1 || behind?.text === ',') return null;
  const row = pieces.slice(open, close + 1);
  const inside = row.filter(({ parameter }) => parameter !== null);
  const all = pieces.filter(({ parameter }) => parameter !== null);
  if (inside.length === 0 || inside.length !== all.length) return null;
  const textOf = (some: readonly StatementPiece[]) => some.map(({ text }) => text).join('');
  return {
    kind: 'rows',
    before: textOf(pieces.slice(0, open)),
    row: row.map(({ text, parameter }) => parameter ?? text),
    after: textOf(pieces.slice(close + 1)),
    parameters: Math.max(...inside.map(({ parameter }) => parameter ?? 0)),
  };
}

function closingOf(pieces: readonly StatementPiece[], open: number): number {
  let depth = 0;
  for (let index = open; index < pieces.length; index += 1) {
    const { text } = pieces[index] as StatementPiece;
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    if (depth === 0) return index;
  }
  return -1;
}
