// The library's own code, so that the preview can't differ from what the listener subscribes to. Its index would bring
// the MQTT client along, which no browser needs.
import { repeatsPrefix, resolveTopicFilter } from '../../../../../libs/mqtt/src/topic-template';
import type { Subscription } from '../../api/types';

export interface TopicParts {
  prefix: string;
  pattern: string;
  use_shared: boolean;
  shared_group: string | null;
}

export interface TopicPreview {
  key: string;
  name: string | null;
  /** The filter as it is sent, in the pieces it is made of; empty when it has faults. */
  pieces: { part: 'share' | 'prefix' | 'pattern' | 'topic'; text: string }[];
  /** Faults of the subscription's own topic; those of prefix and pattern are `sectionFaults`. */
  faults: string[];
}

interface Surroundings {
  topics: TopicParts;
  variables: Record<string, string>;
  slug: string;
}

/** The filter one subscription results in. */
export function previewTopic(
  subscription: { id: number | string; name: string | null; topic: string; absolute_topic: boolean },
  { topics, variables, slug }: Surroundings,
): TopicPreview {
  const template = { prefix: topics.prefix, pattern: topics.pattern, variables };
  // As the server takes it: what begins with the prefix is the full path.
  const absolute = subscription.absolute_topic || repeatsPrefix({ ...template, topic: subscription.topic });
  const resolved = resolveTopicFilter({
    ...template,
    topic: subscription.topic,
    absolute,
  });
  const key = String(subscription.id);
  if (!resolved.ok) {
    return {
      key,
      name: subscription.name,
      pieces: [],
      faults: resolved.faults.filter((fault) => fault.field === 'topic').map((fault) => fault.message),
    };
  }
  const pieces: TopicPreview['pieces'] = [];
  if (topics.use_shared) pieces.push({ part: 'share', text: `$share/${topics.shared_group || `cortex-${slug}`}/` });
  let rest = resolved.topic_filter;
  if (!absolute) {
    for (const part of ['prefix', 'pattern'] as const) {
      const text = partText(part, template);
      if (text && rest.startsWith(text)) {
        const withJoint = rest.startsWith(`${text}/`) ? `${text}/` : text;
        pieces.push({ part, text: withJoint });
        rest = rest.slice(withJoint.length);
      }
    }
  }
  if (rest) pieces.push({ part: 'topic', text: rest });
  return { key, name: subscription.name, pieces, faults: [] };
}

/** Previews of the first enabled subscriptions; an example when there is none. */
export function previewTopics(
  subscriptions: Pick<Subscription, 'id' | 'name' | 'topic' | 'absolute_topic' | 'enabled'>[],
  surroundings: Surroundings,
  options: { limit: number; example: string },
): TopicPreview[] {
  const enabled = subscriptions.filter((subscription) => subscription.enabled && !subscription.absolute_topic);
  if (enabled.length === 0) {
    return [previewTopic({ id: 'example', name: null, topic: options.example, absolute_topic: false }, surroundings)];
  }
  return enabled.slice(0, options.limit).map((subscription) => previewTopic(subscription, surroundings));
}

/** Names of the variables that these topics want and the product does not have. */
export function missingVariables(topic: string, { topics, variables }: Surroundings): string[] {
  const resolved = resolveTopicFilter({ prefix: topics.prefix, pattern: topics.pattern, topic, variables });
  if (resolved.ok) return [];
  return [...new Set(resolved.faults.flatMap(({ variable }) => (variable === undefined ? [] : [variable])))];
}

/** Faults of prefix, pattern and group by the name of their field, such as `topics.prefix`. */
export function sectionFaults({ topics, variables }: Surroundings): Record<string, string> {
  const resolved = resolveTopicFilter({
    prefix: topics.prefix,
    pattern: topics.pattern,
    topic: 'x',
    variables,
    shared_group: topics.use_shared ? topics.shared_group || null : null,
  });
  if (resolved.ok) return {};
  const faults: Record<string, string> = {};
  for (const { field, message } of resolved.faults) {
    if (field !== 'topic') faults[`topics.${field}`] ??= message;
  }
  return faults;
}

function partText(
  part: 'prefix' | 'pattern',
  template: { prefix: string; pattern: string; variables: Record<string, string> },
): string {
  const resolved = resolveTopicFilter({ variables: template.variables, [part]: template[part], topic: 'x' });
  return resolved.ok ? resolved.topic_filter.replace(/\/?x$/, '') : '';
}
