import { topicMatches } from '@cortex-mqtt/mqtt';

/** A topic on which something arrived, and how it differs from what a filter asks for. */
export interface NearMiss {
  topic: string;
  difference: 'upper and lower case differ' | 'the leading slash differs' | 'the levels before it differ';
}

/**
 * The topic that was most likely meant by a filter on which nothing arrives. `own`: the part of the filter below the product's
 * prefix, which somebody has written for this subscription.
 */
export function nearMiss({ filter, own }: { filter: string; own: string }, topics: readonly string[]): NearMiss | null {
  const asked = filter.toLowerCase();
  const bare = asked.replace(/^\/+/, '');
  const tail = own.toLowerCase().replace(/^\/+/, '');
  const find = (isMeant: (topic: string) => boolean) => topics.find((topic) => isMeant(topic.toLowerCase()));
  const by_case = find((topic) => topicMatches(asked, topic));
  if (by_case !== undefined) return { topic: by_case, difference: 'upper and lower case differ' };
  const by_slash = find((topic) => topicMatches(bare, topic.replace(/^\/+/, '')));
  if (by_slash !== undefined) return { topic: by_slash, difference: 'the leading slash differs' };
  // A wildcard alone would be found anywhere.
  if (!tail.split('/').some((level) => level !== '' && level !== '+' && level !== '#')) return null;
  const by_prefix = find((topic) => endsLike(tail, topic.split('/')));
  return by_prefix === undefined ? null : { topic: by_prefix, difference: 'the levels before it differ' };
}

function endsLike(filter: string, levels: string[]): boolean {
  return levels.some((_, start) => topicMatches(filter, levels.slice(start).join('/')));
}
