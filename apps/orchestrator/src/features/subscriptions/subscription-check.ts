import { type BrokerLimits, publishedTopics, type Sibling, validateActions } from '@cortex-mqtt/actions';
import type { FieldFault } from '@cortex-mqtt/contracts';
import { checkExpression } from '@cortex-mqtt/expressions';
import type { EntityManager } from 'typeorm';
import { reportedBrokerLimits } from '../../model/broker-limits';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ProductEntity } from '../../model/product.entity';
import { ProductSecretEntity } from '../../model/product-secret.entity';
import type { UpdateSubscriptionDto } from './subscription.dto';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { type SecretBox, secretPlace } from '../secrets/secret-box';
import { resolveSubscriptionTopic, topicRepeatsPrefix } from './subscription-topic';

export interface SubscriptionSurroundings {
  product: ProductEntity;
  config: MqttConfigEntity;
  /** Names that `{{secrets.NAME}}` may use. */
  secretNames: ReadonlySet<string>;
  /** Value of one, to check that it fits its use; null when it can't be had. */
  secretValue?: (name: string) => string | null;
  /** The other enabled subscriptions of the product. */
  siblings?: readonly Sibling[];
  /** What the broker takes that a listener is connected to; null = unknown. */
  broker?: BrokerLimits | null;
}

/** What a subscription is checked against. `except`: the one that is checked. */
export async function subscriptionSurroundings(
  manager: EntityManager,
  {
    product,
    config,
    except,
    secretBox,
  }: Pick<SubscriptionSurroundings, 'product' | 'config'> & {
    except: number | null;
    secretBox: SecretBox;
  },
): Promise<SubscriptionSurroundings> {
  const others = await manager.find(SubscriptionEntity, { where: { mqtt_config_id: config.id, enabled: true } });
  return {
    product,
    config,
    ...(await usableSecrets(manager, product.id, secretBox)),
    siblings: others.filter(({ id }) => id !== except).flatMap((other) => siblingOf(product, config, other)),
    broker: await reportedBrokerLimits(manager, product.id),
  };
}

/** The secrets that a product's subscriptions may name, and their values. */
export async function usableSecrets(
  manager: EntityManager,
  product_id: number,
  secretBox: SecretBox,
): Promise<Required<Pick<SubscriptionSurroundings, 'secretNames' | 'secretValue'>>> {
  const secrets = await manager.find(ProductSecretEntity, { where: { product_id } });
  const sealed = new Map(secrets.map(({ name, value }) => [name, value]));
  return {
    secretNames: new Set(sealed.keys()),
    secretValue: (name) => openedSecret(secretBox, { product_id, name, sealed: sealed.get(name) ?? undefined }),
  };
}

/** What an enabled subscription is to the others: none when it publishes nothing. */
export function siblingOf(product: ProductEntity, config: MqttConfigEntity, other: SubscriptionEntity): Sibling[] {
  const published = publishedTopics(other.actions);
  const resolved = published.length === 0 ? null : resolveSubscriptionTopic(product, config, other);
  return resolved?.ok ? [{ name: other.name, topic_filter: resolved.topic_filter, published }] : [];
}

/** null also for one whose key is lost: then it can't be checked, and the listener will say so. */
function openedSecret(
  secretBox: SecretBox,
  { product_id, name, sealed }: { product_id: number; name: string; sealed: string | undefined },
): string | null {
  if (sealed === undefined) return null;
  try {
    return secretBox.open(sealed, secretPlace(product_id, name));
  } catch {
    return null;
  }
}

/** What of a request has to be parsed, to be vetted before that is done here. */
export function sourcesOf({ filter, message_key, ordering, actions }: UpdateSubscriptionDto): {
  expressions: string[];
  templates: string[];
} {
  const expressions = [filter, message_key, ordering].filter((source) => typeof source === 'string');
  const templates: string[] = [];
  const collect = (name: string, value: unknown): void => {
    if (typeof value === 'string') {
      if (EXPRESSION_FIELDS.has(name)) expressions.push(value);
      else if (value.includes('{{')) templates.push(value);
    } else if (Array.isArray(value)) for (const item of value as unknown[]) collect(name, item);
    else if (typeof value === 'object' && value !== null)
      for (const [field, item] of Object.entries(value)) collect(field, item);
  };
  collect('actions', actions);
  return { expressions, templates };
}

const EXPRESSION_FIELDS = new Set(['when', 'input', 'parameters']);

/**
 * Puts the fields of a request on a subscription and checks the whole of it: topic, expressions, actions with the secrets
 * they name. Answers every fault; with one the subscription must not be saved.
 */
export function applySubscription(
  subscription: SubscriptionEntity,
  dto: UpdateSubscriptionDto,
  { product, config, secretNames, secretValue, siblings, broker }: SubscriptionSurroundings,
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
      secretValue,
      siblings,
      // What was saved before the broker set its limits may still be renamed or switched off.
      broker: dto.actions === undefined ? null : broker,
      allowedQueues: product.allowed_queues,
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

function expressionFaults(field: string, source: string | null): FieldFault[] {
  if (source === null) return [];
  const check = checkExpression(source);
  return check.ok ? [] : [{ field, message: check.fault.message }];
}

/** A faulty prefix or pattern is not a field of a subscription: its topic is where the fault shows. */
function topicField(part: string): string {
  return part === 'topic' ? 'topic' : `topic (${part} of the configuration)`;
}
