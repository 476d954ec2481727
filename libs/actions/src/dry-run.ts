import {
  type ActionDefinition,
  type ListenerSubscription,
  type QueuedMessage,
  type ProductId,
  type StoredPayload,
} from '@cortex-mqtt/contracts';
import { createEnvelope, createSharedPayload, type ExpressionEngine, messageExtras } from '@cortex-mqtt/expressions';
import { matchParams } from '@cortex-mqtt/mqtt';
import { ActionFault, type FaultDetail, toActionFault } from './action-fault';
import { type ActionScope, CompiledAction, contextOf, inputOf, type ReadyAction } from './action-runner';
import type { BrokerLimits } from './publish/publish-limits';
import { actionDeliveryId, messageIdentity, orderingValue } from './delivery-id';
import { assertSecretsKnown } from './secret-references';

/** One step of a dry run: what an expression gave, or what failed. */
export type DryRunStep<T> = { ok: true; value: T } | { ok: false; fault: DryRunFault };

export interface DryRunFault {
  message: string;
  permanent: boolean;
  detail: FaultDetail;
}

export interface DryRunAction {
  action_id: string;
  type: string;
  name: string | null;
  enabled: boolean;
  /** Result of `when`; null when it has none. */
  when: DryRunStep<boolean> | null;
  /** Result of `input`; null when it has none or the action wouldn't run. */
  input: DryRunStep<unknown> | null;
  /** What would be sent, secrets shown as `•••`; null when the action wouldn't run. */
  request: DryRunStep<Record<string, unknown>> | null;
  /** Whether an attempt would be made. */
  would_run: boolean;
}

export interface DryRunResult {
  /** Whether the topic is matched by the subscription's filter. */
  matched: boolean;
  params: Record<string, string>;
  /** The decoded payload; for binary its base64. */
  decode: DryRunStep<unknown> | null;
  /** Result of the subscription's filter; null when it has none. */
  filter: DryRunStep<boolean> | null;
  /** Identity of the message and whether it carries one; null when that can't be told. */
  identity: DryRunStep<{ message_id: string; carried: boolean }> | null;
  /** Value of the ordering key; null without one. */
  ordering_key: DryRunStep<unknown> | null;
  actions: DryRunAction[];
}

export type DryRunMessage = Omit<QueuedMessage, 'message_id' | keyof StoredPayload> & { payload_base64: string };

export interface DryRunOptions {
  product_id: ProductId | number;
  engine: ExpressionEngine;
  /** Names of the product's secrets; a reference to another is a fault. null = not checked. */
  secretsKnown: ReadonlySet<string> | null;
  /** What the broker takes; absent or null = unknown. */
  broker?: BrokerLimits | null;
  /** Messages that a batch would hold as well. */
  more?: readonly DryRunMessage[];
}

/**
 * What a message would do: nothing is sent, no secret is needed. Every expression is evaluated even where an earlier
 * step has already said that the delivery ends there, except those of an action that would not run.
 */
export async function dryRun(
  subscription: ListenerSubscription,
  message: DryRunMessage,
  options: DryRunOptions,
): Promise<DryRunResult> {
  const { result, ready } = await dryRunOne(subscription, message, options);
  const others: (ReadyAction | null)[][] = [];
  for (const other of options.more ?? []) others.push((await dryRunOne(subscription, other, options)).ready);
  if (others.length > 0) {
    for (const [index, action] of result.actions.entries()) {
      action.request = batchRequest(
        action.request,
        ready[index],
        others.map((of_other) => of_other[index]),
      );
    }
  }
  return result;
}

/** The request with those of other messages in it that would be sent with it. */
function batchRequest(
  request: DryRunAction['request'],
  first: ReadyAction | null | undefined,
  others: readonly (ReadyAction | null | undefined)[],
): DryRunAction['request'] {
  const batch = first?.action.is_batched ? first.action.type.batch : undefined;
  if (!first || !batch) return request;
  const group = batch.groupOf(first.prepared);
  const together = others.filter((other) => other != null && batch.groupOf(other.prepared) === group);
  const items = [first, ...together].map((ready) => (ready as ReadyAction).prepared);
  return { ok: true, value: batch.preview(items) };
}

async function dryRunOne(
  subscription: ListenerSubscription,
  message: DryRunMessage,
  { product_id, engine, secretsKnown, broker = null }: DryRunOptions,
): Promise<{ result: DryRunResult; ready: (ReadyAction | null)[] }> {
  const params = matchParams(subscription.topic_filter, subscription.wildcard_names, message.topic);
  const raw = { bytes: Buffer.from(message.payload_base64, 'base64'), format: subscription.payload_format };
  const shared = createSharedPayload(raw);
  const envelopeOf = (id: string) =>
    createEnvelope(
      {
        id,
        product_id,
        subscription_id: subscription.id,
        topic: message.topic,
        params: params ?? {},
        qos: message.qos,
        retain: message.retain,
        duplicate: message.duplicate,
        user_properties: message.user_properties,
        received_at: message.received_at,
        ...messageExtras({
          broker: message.broker ?? null,
          properties: {
            user_properties: message.user_properties,
            content_type: message.content_type,
            response_topic: message.response_topic ?? null,
            correlation_data: message.correlation_data_base64
              ? Buffer.from(message.correlation_data_base64, 'base64')
              : null,
            message_expiry_s: message.message_expiry_s ?? null,
          },
        }),
      },
      raw,
      shared,
    );
  const envelope = envelopeOf('');
  const ready: (ReadyAction | null)[] = [];
  const result: DryRunResult = {
    matched: params !== null,
    params: params ?? {},
    decode: null,
    filter: null,
    identity: null,
    ordering_key: null,
    actions: [],
  };
  if (params === null) return { result, ready };
  result.decode = await step(async () => (raw.format === 'binary' ? envelope.payload_base64 : envelope.payload));
  const { filter, ordering } = subscription;
  if (filter !== null) result.filter = await step(() => engine.test(filter, envelope));
  result.identity = await step(() =>
    messageIdentity(envelope, { message_key: subscription.message_key, content_type: message.content_type, engine }),
  );
  if (ordering === 'topic') result.ordering_key = { ok: true, value: message.topic };
  else if (ordering !== 'none') result.ordering_key = await step(() => orderingValue(ordering, envelope, engine));

  const passed = result.decode.ok && (result.filter === null || (result.filter.ok && result.filter.value));
  const message_id = result.identity.ok ? result.identity.value.message_id : 'unknown';
  for (const action of subscription.actions) {
    const scope: ActionScope = {
      envelope: envelopeOf(actionDeliveryId(message_id, subscription.id, action.id)),
      content_type: message.content_type,
      topic_filter: subscription.topic_filter,
      secrets: 'redact',
    };
    const about = { engine, secretsKnown, broker, passed };
    const { outcome, prepared } = await dryRunAction(action, scope, about);
    result.actions.push(outcome);
    ready.push(outcome.would_run ? prepared : null);
  }
  return { result, ready };
}

async function dryRunAction(
  action: ActionDefinition,
  scope: ActionScope,
  {
    engine,
    secretsKnown,
    broker,
    passed,
  }: Pick<DryRunOptions, 'engine' | 'secretsKnown' | 'broker'> & { passed: boolean },
): Promise<{ outcome: DryRunAction; prepared: ReadyAction | null }> {
  const { when } = action;
  let prepared: ReadyAction | null = null;
  const outcome: DryRunAction = {
    action_id: action.id,
    type: action.type,
    name: action.name ?? null,
    enabled: action.enabled,
    when: when == null ? null : await step(() => engine.test(when, scope.envelope)),
    input: null,
    request: null,
    would_run: false,
  };
  const applies = outcome.when === null || (outcome.when.ok && outcome.when.value);
  if (!applies) return { outcome, prepared };
  const input = action.input == null ? null : await step(() => inputOf(action, scope, engine));
  outcome.input = input?.ok ? { ok: true, value: input.value?.value } : input;
  if (input?.ok === false) return { outcome, prepared };
  outcome.request = await step(async () => {
    assertSecretsKnown(action, secretsKnown);
    prepared = await new CompiledAction(action).prepare(contextOf(scope, engine, input?.value));
    const { type } = prepared.action;
    const beyond = broker ? (type.beyondLimits?.(prepared.prepared, broker) ?? null) : null;
    if (beyond !== null) throw new ActionFault(beyond, { permanent: true, detail: { code: 'BROKER_LIMIT' } });
    return type.preview(prepared.prepared);
  });
  outcome.would_run = passed && action.enabled && outcome.request.ok;
  return { outcome, prepared };
}

async function step<T>(work: () => Promise<T>): Promise<DryRunStep<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const { message, permanent, detail } = toActionFault(error);
    return { ok: false, fault: { message, permanent, detail } };
  }
}
