import type { ListenerSubscription, SilenceReport, SilenceWatch } from '@cortex-mqtt/contracts';
import { matchParams } from '@cortex-mqtt/mqtt';

/** Values of a topic parameter that are followed for one rule; what comes beyond them is not watched. */
const MAX_SERIES = 10_000;
/** Gaps that have to be known before a usual one is. */
const LEARN_GAPS = 5;
/** Weight of the newest gap in the usual one. */
const NEWEST_SHARE = 0.2;

interface Series {
  last_ms: number;
  /** Moving average of the gaps between messages, milliseconds. */
  usual_gap_ms: number;
  gaps: number;
}

interface Watched {
  watch: SilenceWatch;
  series: Map<string, Series>;
}

/** Follows when series of messages were heard last, for the rules that the orchestrator asks to be watched. */
export class SilenceWatcher {
  private readonly watched = new Map<number, Watched>();
  private last_report = '';

  constructor(private readonly now_ms: () => number = Date.now) {}

  /** Takes what the orchestrator wants watched now; series that are known stay known. */
  use(watches: readonly SilenceWatch[]): void {
    const wanted = new Set(watches.map(({ rule_id }) => rule_id));
    for (const rule_id of this.watched.keys()) if (!wanted.has(rule_id)) this.watched.delete(rule_id);
    for (const watch of watches) {
      const before = this.watched.get(watch.rule_id);
      const is_same =
        before?.watch.parameter === watch.parameter && before.watch.subscription_id === watch.subscription_id;
      const series = is_same ? before.series : new Map<string, Series>();
      for (const [key, last_ms] of Object.entries(watch.last_heard_ms)) this.heardAt(series, key, last_ms);
      // A whole that has never been heard is silent from now on.
      if (watch.parameter === null && !series.has('')) this.heardAt(series, '', this.now_ms());
      this.watched.set(watch.rule_id, { watch, series });
    }
  }

  /** A message of a subscription. Costs nothing while nothing is watched. */
  heard(
    subscription: Pick<ListenerSubscription, 'id' | 'topic_filter' | 'wildcard_names'>,
    topic: string,
    at_ms: number,
  ): void {
    if (this.watched.size === 0) return;
    for (const { watch, series } of this.watched.values()) {
      if (watch.subscription_id !== null && watch.subscription_id !== subscription.id) continue;
      if (watch.parameter === null) {
        this.heardAt(series, '', at_ms);
        continue;
      }
      if (!subscription.wildcard_names.includes(watch.parameter)) continue;
      const key = matchParams(subscription.topic_filter, subscription.wildcard_names, topic)?.[watch.parameter];
      if (key !== undefined) this.heardAt(series, key, at_ms);
    }
  }

  /** The series that are silent now, those for longest first. */
  silent(): SilenceReport[] {
    const now_ms = this.now_ms();
    const found: SilenceReport[] = [];
    for (const { watch, series } of this.watched.values()) {
      for (const [key, one] of series) {
        const limit_s = limitOf(watch, one);
        if (limit_s !== null && now_ms - one.last_ms > limit_s * 1000) {
          found.push({ rule_id: watch.rule_id, key, last_message_at_ms: one.last_ms, limit_s });
        }
      }
    }
    return found.sort((a, b) => a.last_message_at_ms - b.last_message_at_ms).slice(0, MAX_SERIES);
  }

  /** Whether other series are silent than at the last call. */
  hasChanged(): boolean {
    if (this.watched.size === 0 && this.last_report === '') return false;
    const report = this.silent()
      .map(({ rule_id, key }) => `${rule_id} ${key}`)
      .sort()
      .join('\n');
    if (report === this.last_report) return false;
    this.last_report = report;
    return true;
  }

  private heardAt(series: Map<string, Series>, key: string, at_ms: number): void {
    const known = series.get(key);
    if (known === undefined) {
      if (series.size < MAX_SERIES) series.set(key, { last_ms: at_ms, usual_gap_ms: 0, gaps: 0 });
      return;
    }
    const gap_ms = at_ms - known.last_ms;
    if (gap_ms <= 0) return;
    known.last_ms = at_ms;
    known.usual_gap_ms = known.gaps === 0 ? gap_ms : known.usual_gap_ms * (1 - NEWEST_SHARE) + gap_ms * NEWEST_SHARE;
    known.gaps += 1;
  }
}

/** Seconds of silence that are too long; null while what is usual is not known yet. */
function limitOf({ limit_s, usual_gap_factor }: SilenceWatch, { usual_gap_ms, gaps }: Series): number | null {
  if (usual_gap_factor === null) return limit_s;
  if (gaps < LEARN_GAPS) return null;
  return Math.max(limit_s, (usual_gap_ms * usual_gap_factor) / 1000);
}
