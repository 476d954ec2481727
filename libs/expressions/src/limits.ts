/** What one evaluation may use. Beyond it the delivery fails, and nothing else does. */
export interface ExpressionLimits {
  /** Milliseconds an evaluation may hold the listener's own thread before it moves to the sandbox. */
  inline_time_ms: number;
  /** Milliseconds of computing that an evaluation may take in the sandbox; time spent waiting for a processor doesn't count. */
  time_ms: number;
  /** Heap of a sandbox process, MiB. */
  memory_mb: number;
  /** Calls nested in one another. */
  depth: number;
  /** Items of one sequence. */
  sequence_items: number;
  /** Characters of one string that an expression makes or works on. */
  string_chars: number;
  /** Characters of the result as JSON, roughly. */
  result_chars: number;
  /** Expressions kept compiled. */
  cached_expressions: number;
  /** Sandbox processes at most; none is started before it is needed. */
  sandboxes: number;
}

export const DEFAULT_LIMITS: ExpressionLimits = {
  inline_time_ms: 20,
  time_ms: 500,
  memory_mb: 64,
  depth: 250,
  sequence_items: 200_000,
  string_chars: 4_000_000,
  result_chars: 2_000_000,
  cached_expressions: 2_000,
  sandboxes: 2,
};

/** Characters of an expression's source. */
export const MAX_SOURCE_CHARS = 10_000;

/** What a single evaluation is held to: of the sandbox, or the tighter ones in the listener's own thread. */
export interface EvaluationBounds {
  time_ms: number;
  depth: number;
  sequence_items: number;
  string_chars: number;
  result_chars: number;
}

/** Tight enough that no evaluation is noticed by others; what goes beyond is evaluated again in the sandbox. */
export function inlineBounds(limits: ExpressionLimits): EvaluationBounds {
  return {
    time_ms: limits.inline_time_ms,
    depth: Math.min(limits.depth, 100),
    sequence_items: Math.min(limits.sequence_items, 20_000),
    string_chars: Math.min(limits.string_chars, 65_536),
    result_chars: Math.min(limits.result_chars, 1_000_000),
  };
}

export function sandboxBounds(limits: ExpressionLimits): EvaluationBounds {
  return {
    time_ms: limits.time_ms,
    depth: limits.depth,
    sequence_items: limits.sequence_items,
    string_chars: limits.string_chars,
    result_chars: limits.result_chars,
  };
}

/** Thrown inside an evaluation that goes beyond its bounds. JSONata adds `position` and `token` to what is thrown. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached';
  /** JSONata writes these two. */
  position?: number;
  token?: string;

  constructor(
    readonly code: 'EXPRESSION_STRING_LIMIT' | 'EXPRESSION_SEQUENCE_LIMIT' | 'EXPRESSION_RESULT_LIMIT',
    message: string,
  ) {
    super(message);
  }
}
