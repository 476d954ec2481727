/** Lengths a person can choose, in seconds. */
export const RANGES = {
  '15m': 900,
  '1h': 3_600,
  '6h': 21_600,
  '24h': 86_400,
  '7d': 604_800,
  '30d': 2_592_000,
} as const;
export type Range = keyof typeof RANGES;
export const DEFAULT_RANGE: Range = '1h';

const MIN_ZOOM_S = 60;

/** The time that is looked at: the latest `range`, or a fixed stretch of it that was zoomed into. */
export type MetricWindow =
  | { kind: 'latest'; range: Range }
  | { kind: 'fixed'; range: Range; from_s: number; to_s: number };

/** Reads the window from the address: `range`, and `from` and `to` in seconds since 1970. */
export function windowIn(parameters: URLSearchParams): MetricWindow {
  const asked = parameters.get('range');
  const range = asked && Object.hasOwn(RANGES, asked) ? (asked as Range) : DEFAULT_RANGE;
  const from_s = Number(parameters.get('from') ?? Number.NaN);
  const to_s = Number(parameters.get('to') ?? Number.NaN);
  return Number.isInteger(from_s) && Number.isInteger(to_s) && from_s > 0 && to_s > from_s
    ? { kind: 'fixed', range, from_s, to_s }
    : { kind: 'latest', range };
}

/** The stretch between two moments, made wide enough to hold some points. */
export function zoomTo(from_s: number, to_s: number): { from_s: number; to_s: number } {
  const missing = Math.max(0, MIN_ZOOM_S - (to_s - from_s));
  return { from_s: Math.floor(from_s - missing / 2), to_s: Math.ceil(to_s + missing / 2) };
}

/** From and to as the API takes them. */
export function boundsOf(window: MetricWindow, now_ms: number): { from: string; to: string } {
  if (window.kind === 'fixed') return { from: isoOf(window.from_s * 1_000), to: isoOf(window.to_s * 1_000) };
  return { from: isoOf(now_ms - RANGES[window.range] * 1_000), to: isoOf(now_ms) };
}

/** How often a window is read again; never once it lies in the past. */
export function refreshEvery_ms(window: MetricWindow): number | false {
  if (window.kind === 'fixed') return false;
  return RANGES[window.range] <= RANGES['6h'] ? 10_000 : 60_000;
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
