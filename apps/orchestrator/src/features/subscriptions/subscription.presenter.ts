import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ProductEntity } from '../../model/product.entity';
import type { SubscriptionEntity } from '../../model/subscription.entity';
import type { SubscriptionView } from './subscription.view';
import { topicWarnings } from './subscription-warnings';
import { subscribedFilter } from './subscription-topic';

export function presentSubscription(
  product: Pick<ProductEntity, 'slug' | 'variables'>,
  config: MqttConfigEntity,
  subscription: SubscriptionEntity,
): SubscriptionView {
  return {
    id: subscription.id,
    name: subscription.name,
    topic: subscription.topic,
    absolute_topic: subscription.absolute_topic,
    topic_filter: subscribedFilter(product, config, subscription),
    warnings: topicWarnings(product, config, subscription),
    enabled: subscription.enabled,
    description: subscription.description,
    actions: subscription.actions,
    qos: subscription.qos,
    payload_format: subscription.payload_format,
    filter: subscription.filter,
    message_key: subscription.message_key,
    concurrency: subscription.concurrency,
    ordering: subscription.ordering,
    messages_received: subscription.messages_received,
    last_message_at: subscription.last_message_at?.toISOString() ?? null,
    actions_attempted: subscription.actions_executed + subscription.actions_failed,
    actions_executed: subscription.actions_executed,
    actions_failed: subscription.actions_failed,
    created_at: subscription.created_at.toISOString(),
    updated_at: subscription.updated_at.toISOString(),
  };
}
