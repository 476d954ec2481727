/** An attempt's place in a trace (W3C Trace Context). */
export interface AttemptContext {
  readonly trace_id: string;
  readonly span_id: string;
  readonly traceparent: string;
  /** null = none. */
  readonly tracestate: string | null;
}
