import type { FieldFault } from '@cortex-mqtt/contracts';
import { repeatsPrefix, type ResolvedTopic, resolveTopicFilter, sharedFilter } from '@cortex-mqtt/mqtt';
import type { EntityManager } from 'typeorm';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ProductEntity } from '../../model/product.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';

type TopicParts = Pick<SubscriptionEntity, 'topic' | 'absolute_topic'>;

/** The group that replicas share: the configured one, or one of the product's own. */
export function sharedGroupOf(product: Pick<ProductEntity, 'slug'>, config: MqttConfigEntity): string | null {
  if (!config.use_shared_subscriptions) return null;
  return config.shared_group ?? `cortex-${product.slug}`;
}

/** The filter of a subscription under a product's variables and topics. */
export function resolveSubscriptionTopic(
  product: Pick<ProductEntity, 'slug' | 'variables'>,
  config: MqttConfigEntity,
  subscription: TopicParts,
): ResolvedTopic {
  return resolveTopicFilter({
    prefix: config.topic_prefix,
    pattern: config.topic_pattern,
    topic: subscription.topic,
    absolute: subscription.absolute_topic,
    variables: product.variables,
    shared_group: sharedGroupOf(product, config),
  });
}

/** Whether the topic is the full path already, so that prefix and pattern before it would double it. */
export function topicRepeatsPrefix(
  product: Pick<ProductEntity, 'variables'>,
  config: Pick<MqttConfigEntity, 'topic_prefix' | 'topic_pattern'>,
  { topic }: Pick<SubscriptionEntity, 'topic'>,
): boolean {
  const { topic_prefix: prefix, topic_pattern: pattern } = config;
  return repeatsPrefix({ prefix, pattern, topic, variables: product.variables });
}

/** What is sent in SUBSCRIBE, `$share/…` included; the topic as written when it can't be resolved. */
export function subscribedFilter(
  product: Pick<ProductEntity, 'slug' | 'variables'>,
  config: MqttConfigEntity,
  subscription: TopicParts,
): string {
  const resolved = resolveSubscriptionTopic(product, config, subscription);
  if (!resolved.ok) return subscription.topic;
  const group = sharedGroupOf(product, config);
  return group === null ? resolved.topic_filter : sharedFilter(group, resolved.topic_filter);
}

/**
 * Every subscription must still have a valid filter after a change of variables, prefix or pattern.
 * `blame` names the field of the change that is at fault.
 */
export async function checkAllTopics(
  manager: EntityManager,
  product: ProductEntity,
  config: MqttConfigEntity,
  blame: (part: string) => string,
): Promise<FieldFault[]> {
  const faults: FieldFault[] = [];
  const bare = resolveSubscriptionTopic(product, config, { topic: 'x', absolute_topic: false });
  if (!bare.ok) faults.push(...bare.faults.map((fault) => ({ ...fault, field: blame(fault.field) })));
  const subscriptions = await manager.find(SubscriptionEntity, {
    where: { mqtt_config_id: config.id },
    select: { id: true, name: true, topic: true, absolute_topic: true },
  });
  for (const subscription of subscriptions) {
    if (faults.length >= 20) break;
    const resolved = resolveSubscriptionTopic(product, config, subscription);
    if (resolved.ok || (!bare.ok && !subscription.absolute_topic)) continue;
    for (const fault of resolved.faults) {
      faults.push({
        ...fault,
        field: blame(fault.field),
        message: `breaks subscription "${subscription.name}": ${fault.field} ${fault.message}`,
      });
    }
  }
  return faults;
}
