import type { PayloadFormat } from '@cortex-mqtt/contracts';
import type { SourcePosition } from './expression-error';
import type { EvaluationBounds } from './limits';

/** One evaluation, sent to a sandbox process (V8's serialisation, so that bytes travel as bytes). */
export interface SandboxJob {
  id: number;
  source: string;
  input: SandboxInput;
  /** JSON of the bindings. */
  bindings: string;
}

/** Any value as JSON, or an envelope whose payload is decoded over there. */
export type SandboxInput =
  | { kind: 'value'; json: string | null }
  | { kind: 'envelope'; fields: string; bytes: Uint8Array; format: PayloadFormat };

/** `cpu_ms`: milliseconds of computing since the process began. */
export type SandboxReply = { cpu_ms: number } & (
  | { kind: 'ready' }
  | { kind: 'result'; id: number; json: string | null }
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
