import type { ConnectionStatus, InstanceStatus } from '../../api/types';
import { asState, severityOf } from '../../components/state-language';

/** The instances that need somebody first; standbys, who only wait, come last. */
export function worstFirst(instances: InstanceStatus[]): InstanceStatus[] {
  const rank = ({ state }: InstanceStatus) =>
    state === 'standby' ? Number.POSITIVE_INFINITY : severityOf(asState(state));
  return [...instances].sort((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id));
}

/** What to do, as the instance that is worst off says it. */
export function adviceOf(status: ConnectionStatus): string | null {
  return worstFirst(status.instances).find(({ advice }) => advice)?.advice ?? null;
}

export interface FilterFault {
  topic_filter: string;
  /** The broker's reason. */
  reason: string;
}

/** Filters that the broker refused, each once, whoever of the instances asked for it. */
export function refusedFilters({ instances }: Pick<ConnectionStatus, 'instances'>): FilterFault[] {
  const all = instances.flatMap(({ subscribed }) => subscribed.refused);
  return [...new Map(all.map((fault) => [fault.topic_filter, fault])).values()];
}

export type LoweredFilter = ConnectionStatus['instances'][number]['subscribed']['lowered_qos'][number];

/** Filters that the broker granted with less QoS than was asked for, each once. */
export function loweredFilters({ instances }: Pick<ConnectionStatus, 'instances'>): LoweredFilter[] {
  const all = instances.flatMap(({ subscribed }) => subscribed.lowered_qos);
  return [...new Map(all.map((filter) => [filter.topic_filter, filter])).values()];
}

export interface SharedWarning {
  code: string;
  message: string;
  /** The instances that it comes from; none: it is about the configuration. */
  instance_ids: string[];
}

/** Each warning once, with those that give it. */
export function distinctWarnings({ warnings }: ConnectionStatus): SharedWarning[] {
  const byText = new Map<string, SharedWarning>();
  for (const { code, message, instance_id } of warnings) {
    const key = `${code} ${message}`;
    const known = byText.get(key);
    const ids = instance_id == null ? [] : [instance_id];
    if (known) known.instance_ids.push(...ids);
    else byText.set(key, { code, message, instance_ids: ids });
  }
  return [...byText.values()];
}

/** How many filters are wanted and granted: of the instance that lacks most. */
export function subscribedOf({ instances }: ConnectionStatus): { wanted: number; granted: number } | null {
  const working = instances.filter(({ state }) => state === 'connected' || state === 'degraded');
  const worst = working
    .map(({ subscribed }) => subscribed)
    .sort((a, b) => b.wanted - b.granted - (a.wanted - a.granted))[0];
  return worst ? { wanted: worst.wanted, granted: worst.granted } : null;
}
