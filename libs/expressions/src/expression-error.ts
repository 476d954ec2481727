/** Where in a source text something is wrong; all 1-based except `offset`. */
export interface SourcePosition {
  /** Characters before the place, 0-based. */
  offset: number;
  line: number;
  column: number;
  /** The text at that place; null at the end. */
  token: string | null;
}

/**
 * An expression or a template that can't give a value for this message. It would fail again in the same way, so it is
 * permanent: the delivery goes to the dead letters at once. `code` is stable, upper snake case, or JSONata's own such as `T2001`.
 */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly permanent = true;

  constructor(
    readonly code: string,
    message: string,
    readonly position: SourcePosition | null = null,
  ) {
    super(message);
  }
}

/** A payload that isn't what its subscription's format says. `position` is null where no place can be named. */
export class PayloadDecodeError extends Error {
  override readonly name = 'PayloadDecodeError';
  readonly permanent = true;

  constructor(
    readonly code: 'NOT_JSON' | 'NOT_UTF8' | 'EMPTY_PAYLOAD',
    message: string,
    readonly position: SourcePosition | null = null,
  ) {
    super(message);
  }
}

/** The sandbox can't be had (the system refuses new processes, or we are stopping): another attempt may succeed. */
export class SandboxUnavailableError extends Error {
  override readonly name = 'SandboxUnavailableError';
  readonly permanent = false;
}

/** Turns an offset into line and column. `token` is what stands there. */
export function positionAt(source: string, offset: number, token: string | null): SourcePosition {
  const clamped = Math.max(0, Math.min(offset, source.length));
  const before = source.slice(0, clamped);
  const lastBreak = before.lastIndexOf('\n');
  return { offset: clamped, line: before.split('\n').length, column: clamped - lastBreak, token };
}
