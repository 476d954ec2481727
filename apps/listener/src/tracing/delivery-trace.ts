import type { AttemptContext } from '@cortex-mqtt/actions';
import { formatTraceparent, SAMPLED, type TraceContext } from './trace-context';

/** Where the spans of a message begin. */
export interface TraceOrigin {
  readonly trace_id: string;
  /** The publisher's span; null = it named none. */
  readonly parent: TraceContext | null;
  /** What went before: another process, an earlier run, the message that is replayed. */
  readonly link: TraceContext | null;
  /** It was begun before and did not end well, or its process died. */
  readonly is_resumed: boolean;
  readonly flags: number;
  readonly state: string | null;
}

export interface TracedAction {
  readonly id: string;
  readonly type: string;
  /** Of a webhook. */
  readonly method: string | null;
}

/** How an attempt ended, as far as its span says. */
export interface AttemptEnd {
  readonly kind: 'succeeded' | 'failed' | 'skipped' | 'deferred';
  readonly status?: number | null;
  readonly error?: string;
}

/** Attempts of a delivery in one process that have a span each; the ones beyond are counted. */
const MAX_ATTEMPTS = 20;

/** One attempt, as it becomes a span. */
export class AttemptTrace implements AttemptContext {
  destination: string | null = null;
  ended_ms: number | null = null;
  end: AttemptEnd | null = null;

  constructor(
    private readonly of: DeliveryTrace,
    readonly span_id: string,
    readonly action: TracedAction,
    /** 1 for the first. */
    readonly number: number,
    readonly began_ms: number,
  ) {}

  get trace_id(): string {
    return this.of.origin.trace_id;
  }

  get traceparent(): string {
    return formatTraceparent({ trace_id: this.trace_id, span_id: this.span_id, flags: this.of.flags });
  }

  get tracestate(): string | null {
    return this.of.origin.state;
  }

  /** Gives back the outcome that it ended with. */
  ended<O extends AttemptEnd>(outcome: O): O {
    this.end = outcome;
    this.ended_ms = this.of.now();
    this.of.attemptEnded(outcome);
    return outcome;
  }
}

/**
 * One delivery in this process on its way to a span. Most are never exported, so it only notes what a span would need:
 * whether it is wanted is known at its end.
 */
export class DeliveryTrace {
  readonly attempts: AttemptTrace[] = [];
  /** Attempts that have no span. */
  left_out = 0;
  private readonly began_at: number = performance.now();
  private has_failed: boolean;

  constructor(
    readonly origin: TraceOrigin,
    readonly span_id: string,
    private readonly newSpanId: () => string,
    /** Milliseconds since the epoch. */
    readonly began_ms: number,
  ) {
    this.has_failed = origin.is_resumed;
  }

  /** Failures are always exported. */
  get isWanted(): boolean {
    return this.has_failed || (this.origin.flags & SAMPLED) !== 0;
  }

  get flags(): number {
    return this.has_failed ? this.origin.flags | SAMPLED : this.origin.flags;
  }

  get trace_id(): string {
    return this.origin.trace_id;
  }

  get traceparent(): string {
    return formatTraceparent({ trace_id: this.origin.trace_id, span_id: this.span_id, flags: this.flags });
  }

  /** Milliseconds since the epoch, by a clock that nobody sets meanwhile. */
  now(): number {
    return this.began_ms + performance.now() - this.began_at;
  }

  attempt(action: TracedAction, number: number): AttemptTrace {
    const attempt = new AttemptTrace(this, this.newSpanId(), action, number, this.now());
    if (this.attempts.length < MAX_ATTEMPTS) this.attempts.push(attempt);
    else this.left_out += 1;
    return attempt;
  }

  attemptEnded({ kind }: AttemptEnd): void {
    if (kind === 'failed') this.has_failed = true;
  }

  /** It ends badly without an attempt of its own. */
  fails(): void {
    this.has_failed = true;
  }
}
