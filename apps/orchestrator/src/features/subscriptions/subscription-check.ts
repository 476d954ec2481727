import { validateActions } from '@cortex-mqtt/actions';
import type { FieldFault } from '@cortex-mqtt/contracts';
import { checkExpression } from '@cortex-mqtt/expressions';
import type { EntityManager } from 'typeorm';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ProductEntity } from '../../model/product.entity';
import { ProductSecretEntity } from '../../model/product-secret.entity';
import type { UpdateSubscriptionDto } from './subscription.dto';
import type { SubscriptionEntity } from '../../model/subscription.entity';
import { resolveSubscriptionTopic, topicRepeatsPrefix } from './subscription-topic';

export interface SubscriptionSurroundings {
  product: ProductEntity;
  config: MqttConfigEntity;
  /** Names that `{{secrets.NAME}}` may use. */
  secretNames: ReadonlySet<string>;
}

/**
 * Puts the fields of a request on a subscription and checks the whole of it: topic, expressions, actions with the secrets
 * they name. Answers every fault; with one the subscription must not be saved.
 */
export function applySubscription(
  subscription: SubscriptionEntity,
  dto: UpdateSubscriptionDto,
  { product, config, secretNames }: SubscriptionSurroundings,
): FieldFault[] {
  const { actions = subscription.actions, ...fields } = dto;
  Object.assign(subscription, Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
  if (dto.topic !== undefined) {
    // Blanks at the ends come along when a topic is pasted, and would make another topic.
    subscription.topic = dto.topic.trim();
    if (dto.absolute_topic === undefined && topicRepeatsPrefix(product, config, subscription))
      subscription.absolute_topic = true;
  }
  const resolved = resolveSubscriptionTopic(product, config, subscription);
  const checked = validateActions(actions, {
    context: {
      secretNames,
      protocol_version: config.protocol_version,
      subscription: resolved.ok
        ? { topic_filter: resolved.topic_filter, payload_format: subscription.payload_format }
        : null,
    },
  });
  subscription.actions = checked.actions;
  const keyed = subscription.ordering !== 'none' && subscription.ordering !== 'topic';
  return [
    ...(resolved.ok ? [] : resolved.faults.map(({ field, ...fault }) => ({ ...fault, field: topicField(field) }))),
    ...expressionFaults('filter', subscription.filter),
    ...expressionFaults('message_key', subscription.message_key),
    ...(keyed ? expressionFaults('ordering', subscription.ordering) : []),
    ...checked.faults,
  ];
}

export async function secretNamesOf(manager: EntityManager, product_id: number): Promise<Set<string>> {
  const secrets = await manager.find(ProductSecretEntity, { where: { product_id }, select: { id: true, name: true } });
  return new Set(secrets.map((secret) => secret.name));
}

function expressionFaults(field: string, source: string | null): FieldFault[] {
  if (source === null) return [];
  const check = checkExpression(source);
  return check.ok ? [] : [{ field, message: check.fault.message }];
}

/** A faulty prefix or pattern is not a field of a subscription: its topic is where the fault shows. */
function topicField(part: string): string {
  return part === 'topic' ? 'topic' : `topic (${part} of the configuration)`;
}
