import { SAMPLED, type TraceContext } from './trace-context';

/** Values of `OTEL_TRACES_SAMPLER`. */
export const SAMPLERS = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

export type Sampler = (parent: TraceContext | null, trace_id: string) => boolean;

/** Digits of a trace id that are compared: 52 bits, which a number holds exactly. */
const DIGITS = 13;

/** Whether the deliveries of a trace are exported. Those that fail are, whatever it says. `ratio` from 0 to 1. */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  const threshold = ratio * 16 ** DIGITS;
  const isBelow = (trace_id: string): boolean => Number.parseInt(trace_id.slice(-DIGITS), 16) < threshold;
  const isParentBased = name.startsWith('parentbased_');
  const root = isParentBased ? name.slice('parentbased_'.length) : name;
  const ofRoot = root === 'traceidratio' ? isBelow : (): boolean => root === 'always_on';
  if (!isParentBased) return (_parent, trace_id) => ofRoot(trace_id);
  return (parent, trace_id) => (parent === null ? ofRoot(trace_id) : (parent.flags & SAMPLED) !== 0);
}
