import {
  covers,
  firingSeconds,
  formatDuration,
  isBeyond,
  KIND_INFO,
  type PastValue,
  previewRule,
} from '@cortex-mqtt/alerting';
import type { DataSource } from 'typeorm';
import type { ProductScope } from '../../../http/principal';
import { ValidationError } from '../../../http/app-error';
import type { PreviewAlertRuleDto } from './alert-rule.dto';
import type { AlertRuleEntity } from '../model/alert-rule.entity';
import type { AlertRuleService } from './alert-rule.service';
import type { PreviewPointView, RuleEpisodeView, RulePreviewView } from './rule-preview.dto';
import { fromBuckets, fromTransitions, pastBuckets, pastTransitions } from './rule-preview.store';

const WEEK_MS = 7 * 24 * 3600_000;
const MAX_EPISODES = 200;
const MAX_POINTS = 700;
/** A look at every minute of a week, as far as buckets of the past are that fine. */
const STEP_S = 60;
/** Coarser beyond it: products times steps are what it costs. */
const MAX_VALUES = 500_000;

/** When a rule would have fired, found by the very steps that it takes live. */
export class RulePreviewService {
  constructor(private readonly deps: { dataSource: DataSource; alertRules: Pick<AlertRuleService, 'draft'> }) {}

  async run(dto: PreviewAlertRuleDto, scope: ProductScope, now = new Date()): Promise<RulePreviewView> {
    const to = dto.to === undefined ? now : new Date(dto.to);
    const from = dto.from === undefined ? new Date(to.getTime() - WEEK_MS) : new Date(dto.from);
    if (from >= to) throw new ValidationError([{ field: 'from', message: 'must be before to' }]);
    if (to.getTime() - from.getTime() > 31 * 24 * 3600_000)
      throw new ValidationError([{ field: 'from', message: 'must be within 31 days before to' }]);
    const rule = await this.deps.alertRules.draft(dto);
    const products = (
      await this.deps.dataSource.query<{ id: number; name: string }[]>(
        'SELECT id, name FROM products WHERE enabled ORDER BY id',
      )
    ).filter(({ id }) => covers(rule, id) && (scope === 'all' || scope.includes(id)));
    const { has_history } = KIND_INFO[rule.kind];
    // What single devices have sent is not on record.
    const is_known =
      has_history && rule.topic_parameter === null && rule.subscription_id === null && rule.usual_gap_factor === null;
    const length_s = (to.getTime() - from.getTime()) / 1000;
    const step_s = Math.max(
      STEP_S,
      Math.ceil((length_s * products.length) / MAX_VALUES / 60) * 60,
      length_s > 7 * 86_400 ? 600 : STEP_S,
    );
    const range = { from, to, step_s };
    const values = is_known
      ? await this.valuesOf(
          rule,
          products.map(({ id }) => id),
          range,
        )
      : new Map<number, PastValue[]>();
    const episodes: RuleEpisodeView[] = [];
    let firing_s = 0;
    for (const { id, name } of products) {
      const found = previewRule(rule, values.get(id) ?? []);
      firing_s += firingSeconds(found, to.getTime());
      for (const { began_ms, ended_ms, peak } of found) {
        episodes.push({
          product_id: id,
          product_name: name,
          began_at: new Date(began_ms).toISOString(),
          ended_at: ended_ms === null ? null : new Date(ended_ms).toISOString(),
          duration_s: ((ended_ms ?? to.getTime()) - began_ms) / 1000,
          peak,
        });
      }
    }
    episodes.sort((a, b) => b.began_at.localeCompare(a.began_at));
    return {
      from: from.toISOString(),
      to: to.toISOString(),
      step_s,
      has_history: is_known,
      fired: episodes.length,
      firing_s,
      sentence: sentenceOf({ is_known, fired: episodes.length, firing_s }),
      threshold: rule.threshold,
      episodes: episodes.slice(0, MAX_EPISODES),
      points: worstPoints(rule, [...values.values()]),
    };
  }

  private async valuesOf(
    rule: AlertRuleEntity,
    ids: number[],
    range: { from: Date; to: Date; step_s: number },
  ): Promise<Map<number, PastValue[]>> {
    const { dataSource } = this.deps;
    const { kind, window_s, min_count } = rule;
    if (kind === 'not_connected' || kind === 'flapping' || kind === 'session_lost') {
      const types = kind === 'session_lost' ? ['session_lost'] : ['online', 'offline', 'heartbeat_lost'];
      const events = await pastTransitions(dataSource, ids, range, types);
      return new Map(
        ids.map((id) => [
          id,
          fromTransitions(
            kind,
            events.filter(({ product_id }) => product_id === id),
            { ...range, window_s },
          ),
        ]),
      );
    }
    const rows = await pastBuckets(dataSource, ids, { ...range, window_s });
    return new Map(
      ids.map((id) => [
        id,
        fromBuckets(
          kind,
          rows.filter(({ product_id }) => product_id === id),
          { ...range, window_s, min_count },
        ),
      ]),
    );
  }
}

function sentenceOf({ is_known, fired, firing_s }: { is_known: boolean; fired: number; firing_s: number }): string {
  if (!is_known) return 'What this rule looks at is not on record, so the past says nothing about it.';
  if (fired === 0) return 'It would not have fired.';
  return `It would have fired ${fired === 1 ? 'once' : `${fired} times`}, ${formatDuration(firing_s)} in all.`;
}

/** The worst value of all products at each time, thinned out so that no peak is lost. */
function worstPoints({ kind }: AlertRuleEntity, series: readonly PastValue[][]): PreviewPointView[] {
  const length = series[0]?.length ?? 0;
  const width = Math.max(1, Math.ceil(length / MAX_POINTS));
  const points: PreviewPointView[] = [];
  for (let begin = 0; begin < length; begin += width) {
    let worst: number | null = null;
    for (const values of series) {
      for (const { value } of values.slice(begin, begin + width)) {
        if (value !== null && (worst === null || isBeyond(kind, value, worst))) worst = value;
      }
    }
    points.push({ at: new Date(series[0]?.[begin]?.at_ms ?? 0).toISOString(), value: worst });
  }
  return points;
}
