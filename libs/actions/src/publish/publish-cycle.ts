import type { ActionDefinition } from '@cortex-mqtt/contracts';
import { topicMatches } from '@cortex-mqtt/mqtt';

/** Another subscription of the product, as far as it can pass a message on. */
export interface Sibling {
  name: string;
  topic_filter: string;
  /** Topics of its enabled `publish` actions, those with templates left out. */
  published: readonly string[];
}

/**
 * Names of the subscriptions by which a message on `topic` comes back to `filter`, in their order; empty when `filter` matches it at
 * once, null when it doesn't come back. Breadth first, so that the shortest way is told.
 */
export function wayBack(topic: string, filter: string, siblings: readonly Sibling[]): string[] | null {
  if (topicMatches(filter, topic)) return [];
  let edge: { topic: string; way: string[] }[] = [{ topic, way: [] }];
  const seen = new Set<Sibling>();
  while (edge.length > 0) {
    const next: typeof edge = [];
    for (const { topic: at, way } of edge) {
      for (const sibling of siblings) {
        if (seen.has(sibling) || !topicMatches(sibling.topic_filter, at)) continue;
        seen.add(sibling);
        const through = [...way, sibling.name];
        for (const published of sibling.published) {
          if (topicMatches(filter, published)) return through;
          next.push({ topic: published, way: through });
        }
      }
    }
    edge = next;
  }
  return null;
}

/** Topics by which a subscription's actions pass a message on, as far as they are written out. */
export function publishedTopics(actions: readonly ActionDefinition[]): string[] {
  return actions.flatMap((action) => {
    const topic: unknown = 'topic' in action ? action.topic : undefined;
    return action.type === 'publish' && action.enabled && typeof topic === 'string' && !topic.includes('{{')
      ? [topic]
      : [];
  });
}
