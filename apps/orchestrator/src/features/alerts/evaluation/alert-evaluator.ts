import {
  type AlertRule,
  covers,
  isActive,
  isUnderMaintenance,
  type MaintenanceWindow,
  measure,
  nextState,
  NO_TRAFFIC,
  type ProductFacts,
  type Sample,
  type Traffic,
} from '@cortex-mqtt/alerting';
import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import type { Duty } from '../../../jobs/duty';
import { IncidentWriter, type Change } from './incident-writer';
import { loadFacts } from './facts.store';
import { remind } from './reminders';
import { endOrphans, loadChannels, loadRules, loadWindows } from '../model/rules.store';
import { loadStates, saveStates, type SeriesState, seriesName } from '../model/state.store';
import { loadArchiveGaps, loadTraffic } from './traffic.store';

export interface AlertEvaluatorDeps {
  dataSource: DataSource;
  duty: Pick<Duty, 'isMine' | 'release'>;
  stale_after_ms: number;
  deadLetters(product_ids: number[]): Promise<Map<number, number>>;
  /** Where recorded messages are; it may be a database of its own, and away. */
  archive: DataSource;
  logger: Pick<Logger, 'warn'>;
  now_ms?: () => number;
}

/** The queue is asked once a product; with many products less often. */
const DEAD_LETTERS_EVERY_MS = 10_000;
const DEAD_LETTERS_PER_PRODUCT_MS = 60;
/** Buckets are ten seconds wide: looking more often finds nothing new. */
const TRAFFIC_EVERY_MS = 5_000;

/**
 * Looks at every product with every rule, again and again, in one orchestrator of those on a database. What changes is
 * written in one transaction: states, incidents, their timeline, and the messages to be sent.
 */
export class AlertEvaluator {
  /** null: not loaded since the duty is ours. */
  private states: Map<string, SeriesState> | null = null;
  private dead_letters = { read_at_ms: 0, counts: new Map<number, number>() };
  private traffic = { read_at_ms: 0, by_window: new Map<number, Map<number, Traffic>>() };

  constructor(private readonly deps: AlertEvaluatorDeps) {}

  /** One look; false when another orchestrator has the duty. */
  async turn(): Promise<boolean> {
    if (!(await this.deps.duty.isMine())) {
      this.states = null;
      return false;
    }
    const now_ms = this.deps.now_ms?.() ?? Date.now();
    try {
      await this.evaluate(now_ms);
    } catch (error) {
      // What was decided is not what is stored: the next turn begins with what is.
      this.states = null;
      throw error;
    }
    return true;
  }

  private async evaluate(now_ms: number): Promise<void> {
    const { dataSource } = this.deps;
    const is_first = this.states === null;
    const states = this.states ?? (await loadStates(dataSource));
    this.states = states;
    const rules = await loadRules(dataSource);
    const windows = await loadWindows(dataSource);
    const facts = await this.facts(rules, now_ms);
    const traffic = await this.trafficFor(rules, now_ms);
    const changes = decide({
      rules,
      facts,
      windows,
      states,
      now_ms,
      traffic: (rule, id) => traffic.get(rule.window_s)?.get(id) ?? NO_TRAFFIC,
    });
    const channels = await loadChannels(dataSource);
    await dataSource.transaction(async (manager) => {
      if (is_first) await endOrphans(manager, new Date(now_ms));
      await new IncidentWriter({ manager, channels, now: new Date(now_ms) }).write(changes, {
        look_for_orphans: is_first,
      });
      await saveStates(
        manager,
        changes.filter(({ is_stored }) => is_stored).map(({ next }) => next),
      );
      await remind(manager, { channels, windows, now: new Date(now_ms) });
    });
    for (const { next } of changes) {
      if (next.state === 'resolved') states.delete(seriesName(next));
      else states.set(seriesName(next), next);
    }
  }

  private async facts(rules: readonly AlertRule[], now_ms: number): Promise<ProductFacts[]> {
    const facts = await loadFacts(this.deps.dataSource, this.deps);
    if (rules.some(({ kind }) => kind === 'dead_letters')) {
      const every_ms = Math.max(DEAD_LETTERS_EVERY_MS, facts.length * DEAD_LETTERS_PER_PRODUCT_MS);
      if (now_ms - this.dead_letters.read_at_ms >= every_ms) {
        const counts = await this.deps.deadLetters(facts.map(({ product_id }) => product_id));
        this.dead_letters = { read_at_ms: now_ms, counts };
      }
    }
    for (const product of facts) product.dead_letters = this.dead_letters.counts.get(product.product_id) ?? null;
    return facts;
  }

  private async trafficFor(rules: readonly AlertRule[], now_ms: number): Promise<Map<number, Map<number, Traffic>>> {
    const wanted = new Set(rules.flatMap(({ window_s }) => (window_s > 0 ? [window_s] : [])));
    const { read_at_ms, by_window } = this.traffic;
    if (now_ms - read_at_ms < TRAFFIC_EVERY_MS && [...wanted].every((window_s) => by_window.has(window_s)))
      return by_window;
    const read = new Map<number, Map<number, Traffic>>();
    for (const window_s of wanted) read.set(window_s, await loadTraffic(this.deps.dataSource, window_s));
    for (const window_s of new Set(rules.flatMap((rule) => (rule.kind === 'archive_gap' ? [rule.window_s] : [])))) {
      await this.addArchiveGaps(read.get(window_s), window_s);
    }
    this.traffic = { read_at_ms: now_ms, by_window: read };
    return read;
  }

  /** An archive that is away says nothing of its gaps, and keeps no other rule from being looked at. */
  private async addArchiveGaps(traffic: Map<number, Traffic> | undefined, window_s: number): Promise<void> {
    if (traffic === undefined) return;
    try {
      const gaps = await loadArchiveGaps(this.deps.archive, window_s);
      for (const [product_id, archive_gaps] of gaps) {
        traffic.set(product_id, { ...(traffic.get(product_id) ?? NO_TRAFFIC), archive_gaps });
      }
    } catch (error) {
      this.deps.logger.warn('gaps of the archive are unknown: its database does not answer', { error });
      for (const [product_id, of] of traffic) traffic.set(product_id, { ...of, archive_gaps: null });
    }
  }
}

/** What every rule says of every product now, compared with what it said before; only what differs. */
export function decide(input: {
  rules: readonly AlertRule[];
  facts: readonly ProductFacts[];
  windows: readonly MaintenanceWindow[];
  states: ReadonlyMap<string, SeriesState>;
  traffic: (rule: AlertRule, product_id: number) => Traffic;
  now_ms: number;
}): Change[] {
  const { rules, facts, windows, states, traffic, now_ms } = input;
  const changes: Change[] = [];
  const seen = new Set<string>();
  const quiet = new Set<string>();
  for (const product of facts) {
    const is_quiet = isUnderMaintenance(windows, product.product_id, now_ms);
    for (const rule of rules) {
      const samples =
        is_quiet && covers(rule, product.product_id)
          ? 'inhibited'
          : measure(rule, product, traffic(rule, product.product_id), now_ms);
      if (samples === 'inhibited') {
        quiet.add(`${rule.id} ${product.product_id}`);
        continue;
      }
      for (const sample of samples) {
        const id = { rule_id: rule.id, product_id: product.product_id, series: sample.key };
        const name = seriesName(id);
        seen.add(name);
        const before = states.get(name) ?? null;
        const next = nextState(rule, before, sample.value, now_ms);
        const change = changeOf({
          rule,
          product,
          sample,
          before,
          next: { ...id, incident_id: before?.incident_id ?? null, ...next },
        });
        if (change !== null) changes.push(change);
      }
    }
  }
  const rule_of = new Map(rules.map((rule) => [rule.id, rule]));
  const product_of = new Map(facts.map((product) => [product.product_id, product]));
  for (const [name, before] of states) {
    if (seen.has(name)) continue;
    const rule = rule_of.get(before.rule_id);
    const product = product_of.get(before.product_id);
    if (quiet.has(`${before.rule_id} ${before.product_id}`)) {
      // Nothing begins meanwhile, and nothing ends: what is known is what was known before.
      if (isActive(before)) continue;
      changes.push({
        rule,
        product,
        sample: null,
        before,
        is_stored: true,
        next: { ...before, state: 'resolved', since_ms: now_ms },
      });
      continue;
    }
    changes.push(vanished({ rule, product, before, now_ms }));
  }
  return changes;
}

/** A series that nobody measures any more: it recovers as any other, or ends at once with its rule or product. */
function vanished(parts: {
  rule: AlertRule | undefined;
  product: ProductFacts | undefined;
  before: SeriesState;
  now_ms: number;
}): Change {
  const { rule, product, before, now_ms } = parts;
  const is_watched = rule !== undefined && product !== undefined && covers(rule, product.product_id);
  const next = is_watched
    ? nextState(rule, before, rule.resolve_threshold ?? rule.threshold, now_ms)
    : { ...before, state: 'resolved' as const, since_ms: now_ms };
  return { rule, product, sample: null, before, is_stored: next.state !== before.state, next: { ...before, ...next } };
}

function changeOf(parts: {
  rule: AlertRule;
  product: ProductFacts;
  sample: Sample;
  before: SeriesState | null;
  next: SeriesState;
}): Change | null {
  const { before, next } = parts;
  const is_stored =
    next.state !== (before?.state ?? 'resolved') || next.severity !== (before?.severity ?? next.severity);
  if (!is_stored && next.value === before?.value) return null;
  if (!is_stored && before === null) return null;
  return { ...parts, is_stored };
}
