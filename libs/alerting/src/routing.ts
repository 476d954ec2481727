import { SEVERITIES, type Severity } from './alert-rule';

/** What a channel wants to be told of. Empty lists leave nothing out. */
export interface ChannelRoute {
  id: number;
  enabled: boolean;
  severities: Severity[];
  product_ids: number[];
  labels: Record<string, string>;
}

export interface Routable {
  severity: Severity;
  product_ids: number[];
  labels: Record<string, string>;
  /** Channels that its rules name; empty = those whose routes match. */
  channel_ids: number[];
}

/** Channels that are told of an incident: those that its rule names, else those whose routes match. */
export function channelsFor<C extends ChannelRoute>(channels: readonly C[], incident: Routable): C[] {
  return channels.filter((channel) => {
    if (!channel.enabled) return false;
    if (incident.channel_ids.length > 0 && !incident.channel_ids.includes(channel.id)) return false;
    return matches(channel, incident);
  });
}

function matches({ severities, product_ids, labels }: ChannelRoute, incident: Routable): boolean {
  if (severities.length > 0 && !severities.includes(incident.severity)) return false;
  if (product_ids.length > 0 && !incident.product_ids.some((id) => product_ids.includes(id))) return false;
  return Object.entries(labels).every(([name, value]) => incident.labels[name] === value);
}

export const isWorse = (a: Severity, b: Severity): boolean => SEVERITIES.indexOf(a) > SEVERITIES.indexOf(b);
