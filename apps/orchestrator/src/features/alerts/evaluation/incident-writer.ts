import {
  type AlertRule,
  channelsFor,
  incidentTitle,
  isActive,
  isWorse,
  type ProductFacts,
  type Sample,
  type Severity,
  valueSentence,
} from '@cortex-mqtt/alerting';
import type { EntityManager } from 'typeorm';
import type { NotifiedChannel } from '../model/rules.store';
import type { SeriesState } from '../model/state.store';
import {
  addEvent,
  enqueue,
  joinMember,
  lockOpenIncident,
  openIncident,
  type OpenIncident,
  raiseSeverity,
  updateMembers,
} from '../model/incident.store';

/** A series that is no longer what it was. */
export interface Change {
  /** undefined: the rule is gone or disabled. */
  rule: AlertRule | undefined;
  /** undefined: the product is gone or disabled. */
  product: ProductFacts | undefined;
  /** null: nobody measures it any more. */
  sample: Sample | null;
  before: SeriesState | null;
  /** Takes the incident's id when it begins to fire. */
  next: SeriesState;
  /** More has changed than its value. */
  is_stored: boolean;
}

/** A cause that many products share is found by each of them a little later: the first message waits for all. */
const GROUP_WAIT_MS = 5_000;

/** Turns what has changed into incidents, their timeline and the messages about them, in one transaction. */
export class IncidentWriter {
  private readonly open = new Map<string, OpenIncident>();

  constructor(private readonly deps: { manager: EntityManager; channels: readonly NotifiedChannel[]; now: Date }) {}

  async write(changes: readonly Change[], { look_for_orphans = false } = {}): Promise<void> {
    const ended: SeriesState[] = [];
    for (const change of changes) {
      const was_active = change.before !== null && isActive(change.before);
      const is_active = isActive(change.next);
      if (is_active && !was_active) await this.begin(change);
      else if (was_active && !is_active) {
        ended.push({ ...change.next });
        change.next.incident_id = null;
      } else if (is_active && change.before && isWorse(change.next.severity, change.before.severity))
        await this.worsen(change);
    }
    if (ended.length > 0 || look_for_orphans) await this.end(ended);
  }

  private async begin({ rule, product, sample, next }: Change): Promise<void> {
    if (rule === undefined || product === undefined || sample === null) return;
    const { manager, now } = this.deps;
    const group_key =
      sample.cause === null ? `rule:${rule.id} product:${product.product_id}` : `${rule.kind} ${sample.cause}`;
    let incident = this.open.get(group_key) ?? (await lockOpenIncident(manager, group_key));
    const is_new = incident === null;
    incident ??= await openIncident(manager, {
      group_key,
      rule,
      cause: sample.cause,
      severity: next.severity,
      title: this.titleOf({ rule, product, sample }, next.value),
      summary: summaryOf({ rule, sample }, next.value),
      started_at: new Date(next.fired_at_ms ?? now.getTime()),
    });
    this.open.set(group_key, incident);
    next.incident_id = incident.id;
    await joinMember(manager, {
      incident,
      rule_id: rule.id,
      product_id: product.product_id,
      sample,
      began_at: new Date(next.fired_at_ms ?? now.getTime()),
    });
    if (is_new) {
      await addEvent(manager, incident.id, {
        at: now,
        type: 'opened',
        actor: null,
        detail: { severity: next.severity },
      });
      await this.tell(incident, {
        event: 'opened',
        severity: next.severity,
        product_ids: [product.product_id],
        wait_ms: sample.cause === null ? 0 : GROUP_WAIT_MS,
      });
      return;
    }
    if (isWorse(next.severity, incident.severity)) await this.raise(incident, next.severity, product.product_id);
  }

  private async worsen({ product, next, before }: Change): Promise<void> {
    if (next.incident_id === null || product === undefined) return;
    const incident = await lockOpenIncident(this.deps.manager, next.incident_id);
    if (incident === null || before === null || !isWorse(next.severity, incident.severity)) return;
    await this.raise(incident, next.severity, product.product_id);
  }

  private async raise(incident: OpenIncident, severity: Severity, product_id: number): Promise<void> {
    const { manager, now } = this.deps;
    incident.severity = severity;
    await raiseSeverity(manager, incident.id, severity);
    await addEvent(manager, incident.id, { at: now, type: 'severity_raised', actor: null, detail: { severity } });
    await this.tell(incident, { event: 'updated', severity, product_ids: [product_id], wait_ms: 0 });
  }

  private async end(ended: readonly SeriesState[]): Promise<void> {
    const { manager, now, channels } = this.deps;
    const resolved = await updateMembers(manager, ended, now);
    for (const { id, told } of resolved) {
      await addEvent(manager, id, { at: now, type: 'resolved', actor: null, detail: {} });
      for (const channel of channels.filter(
        ({ id: channel_id, send_resolved }) => send_resolved && told.includes(channel_id),
      )) {
        await enqueue(manager, {
          incident_id: id,
          channel_id: channel.id,
          event: 'resolved',
          key: `${id}-${channel.id}-resolved`,
          due_at: now,
        });
      }
    }
  }

  /** Channels with a delay of their own come later, by `remind`. */
  private async tell(
    incident: OpenIncident,
    about: { event: 'opened' | 'updated'; severity: Severity; product_ids: number[]; wait_ms: number },
  ): Promise<void> {
    const { manager, channels, now } = this.deps;
    const { event, severity, product_ids, wait_ms } = about;
    if (event === 'updated' && incident.is_quiet) return;
    for (const channel of channelsFor(channels, { ...incident, severity, product_ids })) {
      if (channel.escalate_after_s > 0) continue;
      const key =
        event === 'opened' ? `${incident.id}-${channel.id}-opened` : `${incident.id}-${channel.id}-${severity}`;
      await enqueue(manager, {
        incident_id: incident.id,
        channel_id: channel.id,
        event,
        key,
        due_at: new Date(now.getTime() + wait_ms),
      });
    }
  }

  private titleOf(
    { rule, product, sample }: { rule: AlertRule; product: ProductFacts; sample: Sample },
    value: number | null,
  ): string {
    return incidentTitle({
      kind: rule.kind,
      rule_name: rule.name,
      product_names: [product.name],
      key: sample.key,
      value,
      threshold: rule.threshold,
      cause: sample.cause,
    });
  }
}

function summaryOf({ rule, sample }: { rule: AlertRule; sample: Sample }, value: number | null): string {
  return [valueSentence({ kind: rule.kind, value, threshold: rule.threshold }), sample.detail]
    .filter((text) => text !== null && text !== '')
    .join(' ');
}
