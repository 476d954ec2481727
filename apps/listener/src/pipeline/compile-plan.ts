import {
  type ActionResult,
  type ActionRunner,
  type createBreakers,
  messageIdentity,
  ownIdentity,
  parsedBytes,
  type PreparedAction,
  toActionFault,
} from '@cortex-mqtt/actions';
import type {
  ActionDefinition,
  ListenerConfigDocument,
  ListenerSubscription,
  MessageEnvelope,
  PayloadFormat,
} from '@cortex-mqtt/contracts';
import { createSharedPayload, type ExpressionEngine, type SharedPayload } from '@cortex-mqtt/expressions';
import {
  type ActionOutcome,
  type CompiledAction,
  type CompiledPlan,
  type CompiledSubscription,
  type DeliveryView,
  orderByTopic,
  SKIPPED,
  SUCCEEDED,
} from './compiled-plan';
import { DeliveryEnvelope } from './delivery-envelope';
import type { PipelineMessage } from './pipeline-message';

const NOTHING: readonly CompiledSubscription[] = Object.freeze([]);
/** Milliseconds after which an open breaker's destination is looked at again. */
const BREAKER_PAUSE_MS = 1_000;

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
      const ids = deps.route(message);
      if (ids.length === 1) {
        const only = subscriptions.get(ids[0] as number);
        return only ? [only] : NOTHING;
      }
      const matched: CompiledSubscription[] = [];
      for (const id of ids) {
        const found = subscriptions.get(id);
        if (found) matched.push(found);
      }
      return matched;
    },
  };
}

/** Identity of a message whose subscription names no key of its own. */
export function identify(message: PipelineMessage): string {
  const { topic, payload, properties } = message;
  const source = { topic, user_properties: properties.user_properties, payload: () => parsedBytes(payload) };
  return ownIdentity(source, properties.content_type).message_id;
}

function compileSubscription(
  document: ListenerConfigDocument,
  definition: ListenerSubscription,
  deps: CompilePlanDeps,
): CompiledSubscription {
  const { engine } = deps;
  const { filter, ordering, message_key } = definition;
  const { product_id } = document;
  const envelopeOf = (delivery: DeliveryView, action_id: string | null): MessageEnvelope => {
    const shared = sharedPayload(delivery, definition.payload_format, delivery.message.payload);
    return new DeliveryEnvelope(delivery, definition, product_id, action_id, shared);
  };
  return {
    definition,
    revision: document.revision,
    filter: filter === null ? null : (delivery) => engine.test(filter, envelopeOf(delivery, null)),
    orderingKey: orderingKey(ordering, (source, delivery) => engine.evaluate(source, envelopeOf(delivery, null))),
    messageKey:
      message_key === null
        ? null
        : async (delivery) =>
            (
              await messageIdentity(envelopeOf(delivery, null), {
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
  envelopeOf: (delivery: DeliveryView, action_id: string) => MessageEnvelope,
  { runner, breakers, signal }: CompilePlanDeps,
): CompiledAction {
  const secrets = (name: string) => (Object.hasOwn(document.secrets, name) ? document.secrets[name] : undefined);

  const execute = (delivery: DeliveryView, ready: PreparedAction): ActionOutcome | Promise<ActionOutcome> => {
    if (ready.kind === 'skipped') return SKIPPED;
    const options = { attempt: delivery.attemptsOf(action.id) + 1, signal };
    const result = breakers.breakerFor(ready.destination).run(() => runner.execute(action, ready, options));
    return result instanceof Promise ? result.then(succeeded, failed) : succeeded(result);
  };

  return {
    id: action.id,
    retry: action.retry ?? {},
    /** A promise only where there is something to wait for. */
    run(delivery) {
      try {
        const ready = runner.prepare(action, {
          envelope: envelopeOf(delivery, action.id),
          content_type: delivery.message.properties.content_type,
          topic_filter: subscription.topic_filter,
          secrets,
        });
        return ready instanceof Promise
          ? ready.then((prepared) => execute(delivery, prepared)).catch(failed)
          : execute(delivery, ready);
      } catch (error) {
        return failed(error);
      }
    },
  };
}

function succeeded({ detail }: ActionResult): ActionOutcome {
  const status = statusOf(detail.status);
  return status === null ? SUCCEEDED : { kind: 'succeeded', status };
}

function failed(error: unknown): ActionOutcome {
  const fault = toActionFault(error);
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
