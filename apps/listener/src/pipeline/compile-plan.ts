import {
  type ActionFault,
  type ActionRunner,
  type createBreakers,
  actionDeliveryId,
  messageIdentity,
  ownIdentity,
  toActionFault,
} from '@cortex-mqtt/actions';
import type {
  ActionDefinition,
  ListenerConfigDocument,
  ListenerSubscription,
  MessageEnvelope,
  PayloadFormat,
} from '@cortex-mqtt/contracts';
import {
  createEnvelope,
  createSharedPayload,
  type ExpressionEngine,
  type SharedPayload,
} from '@cortex-mqtt/expressions';
import { matchParams } from '@cortex-mqtt/mqtt';
import {
  type ActionOutcome,
  type CompiledAction,
  type CompiledPlan,
  type CompiledSubscription,
  type DeliveryView,
  orderByTopic,
  SKIPPED,
} from './compiled-plan';
import type { PipelineMessage } from './pipeline-message';

/** Milliseconds after which an open breaker's destination is looked at again. */
const BREAKER_PAUSE_MS = 1_000;
const NO_PARAMS: Record<string, string> = Object.freeze({});

export interface CompilePlanDeps {
  runner: ActionRunner;
  engine: ExpressionEngine;
  breakers: ReturnType<typeof createBreakers>;
  /** Ids of the subscriptions that a copy of a message has to run; the session knows. */
  route(message: PipelineMessage): readonly number[];
  /** Aborted when what is in flight must end. */
  signal: AbortSignal;
}

/** Everything of one revision that can be worked out before its first message. */
export function compilePlan(document: ListenerConfigDocument, deps: CompilePlanDeps): CompiledPlan {
  const subscriptions = new Map<number, CompiledSubscription>();
  for (const definition of document.subscriptions) {
    subscriptions.set(definition.id, compileSubscription(document, definition, deps));
  }
  return {
    revision: document.revision,
    handover_after_ms: document.handover_after_ms,
    subscription: (id) => subscriptions.get(id),
    route(message) {
      const matched: CompiledSubscription[] = [];
      for (const id of deps.route(message)) {
        const found = subscriptions.get(id);
        if (found) matched.push(found);
      }
      return matched;
    },
  };
}

/** Identity of a message whose subscription names no key of its own. */
export function identify(message: PipelineMessage): string {
  const raw = { bytes: message.payload, format: 'json' as const };
  const envelope = createEnvelope(
    fieldsOf(message, { id: '', product_id: 0, subscription_id: 0, params: NO_PARAMS }),
    raw,
  );
  return ownIdentity(envelope, message.properties.content_type).message_id;
}

function compileSubscription(
  document: ListenerConfigDocument,
  definition: ListenerSubscription,
  deps: CompilePlanDeps,
): CompiledSubscription {
  const { engine } = deps;
  const { filter, ordering, message_key } = definition;
  const envelopeOf = (delivery: DeliveryView, id: string): MessageEnvelope => {
    const { message } = delivery;
    const raw = { bytes: message.payload, format: definition.payload_format };
    const params =
      definition.wildcard_names.length === 0
        ? NO_PARAMS
        : (matchParams(definition.topic_filter, definition.wildcard_names, message.topic) ?? NO_PARAMS);
    return createEnvelope(
      fieldsOf(message, { id, product_id: document.product_id, subscription_id: definition.id, params }),
      raw,
      sharedPayload(delivery, raw.format, message.payload),
    );
  };
  return {
    definition,
    revision: document.revision,
    filter: filter === null ? null : (delivery) => engine.test(filter, envelopeOf(delivery, '')),
    orderingKey: orderingKey(ordering, (source, delivery) => engine.evaluate(source, envelopeOf(delivery, ''))),
    messageKey:
      message_key === null
        ? null
        : async (delivery) =>
            (
              await messageIdentity(envelopeOf(delivery, ''), {
                message_key,
                content_type: delivery.message.properties.content_type,
                engine,
              })
            ).message_id,
    actions: definition.actions
      .filter((action) => action.enabled)
      .map((action) => compileAction(document, definition, action, envelopeOf, deps)),
  };
}

function compileAction(
  document: ListenerConfigDocument,
  subscription: ListenerSubscription,
  action: ActionDefinition,
  envelopeOf: (delivery: DeliveryView, id: string) => MessageEnvelope,
  { runner, breakers, signal }: CompilePlanDeps,
): CompiledAction {
  return {
    id: action.id,
    retry: action.retry ?? {},
    async run(delivery) {
      try {
        const ready = await runner.prepare(action, {
          envelope: envelopeOf(delivery, actionDeliveryId(delivery.message_id, subscription.id, action.id)),
          content_type: delivery.message.properties.content_type,
          topic_filter: subscription.topic_filter,
          secrets: (name) => (Object.hasOwn(document.secrets, name) ? document.secrets[name] : undefined),
        });
        if (ready.kind === 'skipped') return SKIPPED;
        const attempt = delivery.attemptsOf(action.id) + 1;
        const result = await breakers
          .breakerFor(ready.destination)
          .run(() => runner.execute(action, ready, { attempt, signal }));
        return { kind: 'succeeded', status: statusOf(result.detail.status) };
      } catch (error) {
        return failed(toActionFault(error));
      }
    },
  };
}

function failed(fault: ActionFault): ActionOutcome {
  if (fault.detail.code === 'BREAKER_OPEN') {
    return { kind: 'deferred', error: fault.message, retry_after_ms: fault.retry_after_ms ?? BREAKER_PAUSE_MS };
  }
  return {
    kind: 'failed',
    error: fault.message,
    permanent: fault.permanent,
    status: statusOf(fault.detail.status),
    response_excerpt: fault.detail.response_excerpt ?? null,
    retry_after_ms: fault.retry_after_ms,
  };
}

const statusOf = (status: unknown): number | null => (typeof status === 'number' ? status : null);

function orderingKey(
  ordering: string,
  evaluate: (source: string, delivery: DeliveryView) => Promise<unknown>,
): CompiledSubscription['orderingKey'] {
  switch (ordering) {
    case 'none':
      return null;
    case 'topic':
      return orderByTopic;
    default:
      return async (delivery) => {
        const key = await evaluate(ordering, delivery);
        if (key === undefined || key === null) throw new Error('the ordering key found nothing in this message');
        return typeof key === 'string' ? key : JSON.stringify(key);
      };
  }
}

/** One decoding for all subscriptions of a message that read it in the same format. */
function sharedPayload(delivery: DeliveryView, format: PayloadFormat, bytes: Buffer): SharedPayload {
  const known = delivery.shared[format] as SharedPayload | undefined;
  if (known) return known;
  const made = createSharedPayload({ bytes, format });
  delivery.shared[format] = made;
  return made;
}

function fieldsOf(
  message: PipelineMessage,
  own: Pick<MessageEnvelope, 'id' | 'product_id' | 'subscription_id' | 'params'>,
): Omit<MessageEnvelope, 'payload' | 'payload_base64'> {
  return {
    ...own,
    topic: message.topic,
    qos: message.qos,
    retain: message.retain,
    duplicate: message.duplicate,
    user_properties: message.properties.user_properties,
    received_at: new Date(message.received_at_ms).toISOString(),
  };
}
