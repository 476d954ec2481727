/** Position in a trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly trace_id: string;
  /** 16 hexadecimal digits. */
  readonly span_id: string;
  /** Bit 0: sampled; bit 1: the trace id is random. */
  readonly flags: number;
  /** `tracestate` as it came; null = none. */
  readonly state: string | null;
}

export const SAMPLED = 1;

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** A `tracestate` may be cut or left out beyond this (Trace Context, 3.3.1.5). */
const MAX_STATE_CHARS = 512;
/** What a header can carry: the value comes from a publisher and is sent on to others. */
const PRINTABLE = /^[\x20-\x7e]+$/;

/** Null for what the specification says to ignore: another form, ids of zeros, version ff. */
export function parseTraceparent(text: string, state: string | null = null): TraceContext | null {
  const [, version, trace_id, span_id, flags, more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || trace_id === undefined || span_id === undefined || flags === undefined) return null;
  if (version === 'ff' || (version === '00' && more !== undefined)) return null;
  if (/^0+$/.test(trace_id) || /^0+$/.test(span_id)) return null;
  // Of a later version only the bits that this one knows are passed on.
  return { trace_id, span_id, flags: Number.parseInt(flags, 16) & 3, state };
}

export const formatTraceparent = ({ trace_id, span_id, flags }: Omit<TraceContext, 'state'>): string =>
  `00-${trace_id}-${span_id}-${flags.toString(16).padStart(2, '0')}`;

/** Of the user properties `traceparent` and `tracestate` (W3C Trace Context for MQTT, MQTT 5). */
export function publishersContext(user_properties: Record<string, string | string[]>): TraceContext | null {
  const parent = own(user_properties, 'traceparent');
  // Twice means that nobody knows which (Trace Context, 4.3).
  if (typeof parent !== 'string') return null;
  const state = own(user_properties, 'tracestate');
  const joined = Array.isArray(state) ? state.join(',') : state;
  const isFit = joined !== undefined && joined.length <= MAX_STATE_CHARS && PRINTABLE.test(joined);
  return parseTraceparent(parent, isFit ? joined : null);
}

const own = (properties: Record<string, string | string[]>, name: string): string | string[] | undefined =>
  Object.hasOwn(properties, name) ? properties[name] : undefined;
