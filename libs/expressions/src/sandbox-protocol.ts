import type { PayloadFormat } from '@cortex-mqtt/contracts';
import type { Moment } from './evaluation-moment';
import type { ExactValue } from './exact-value';
import type { SourcePosition } from './expression-error';
import type { EvaluationBounds } from './limits';

/** One evaluation, sent to a sandbox process (V8's serialisation, so that bytes travel as bytes). */
export interface SandboxJob {
  id: number;
  source: string;
  input: SandboxInput;
  /** JSON text of each. */
  bindings: Record<string, string>;
  /** Numbers that are only moved keep their digits. */
  is_exact: boolean;
  moment: Moment | null;
}

/** Expressions and templates that are only to be checked: how long that takes is what is asked. */
export interface SandboxVetting {
  id: number;
  expressions: readonly string[];
  templates: readonly string[];
}

/** Any value as JSON, or an envelope whose payload is decoded over there. */
export type SandboxInput =
  | { kind: 'value'; json: string | null }
  | { kind: 'envelope'; fields: string; bytes: Uint8Array; format: PayloadFormat };

/** `cpu_ms`: milliseconds of computing since the process began. */
export type SandboxReply = { cpu_ms: number } & (
  | { kind: 'ready' }
  | {
      kind: 'result';
      id: number;
      /** null: the expression found nothing. */
      json: string | null;
      /** As `ExactValue.json` has it where that says more, else null. */
      exact: string | null;
      rounding: ExactValue['rounding'];
    }
  | {
      kind: 'failure';
      id: number;
      error: 'expression' | 'decode' | 'other';
      code: string;
      message: string;
      position: SourcePosition | null;
    }
);

/** How the bounds get into the process: one argument, JSON. */
export function boundsArgument(bounds: EvaluationBounds): string {
  return JSON.stringify(bounds);
}
