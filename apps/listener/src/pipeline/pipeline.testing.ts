import type { ListenerSubscription } from '@cortex-mqtt/contracts';
import type { CompiledAction, CompiledPlan, CompiledSubscription, DeliveryView } from './compiled-plan';
import { orderByTopic, SUCCEEDED } from './compiled-plan';
import { createMessagePipeline, type MessagePipeline, type MessagePipelineDeps } from './message-pipeline';
import type { PipelineMessage } from './pipeline-message';

export interface TestMessage extends PipelineMessage {
  isSettled: boolean;
}

let made = 0;

export function buildMessage(
  overrides: Partial<Omit<PipelineMessage, 'settle'>> & { text?: string; onSettle?: () => void } = {},
): TestMessage {
  const { text = '{}', onSettle, ...rest } = overrides;
  made += 1;
  const message: TestMessage = {
    topic: 'orders/created',
    payload: Buffer.from(text),
    qos: 1,
    retain: false,
    duplicate: false,
    properties: {
      user_properties: { n: String(made) },
      content_type: null,
      response_topic: null,
      correlation_data: null,
      message_expiry_s: null,
      payload_is_utf8: false,
    },
    broker: 'primary',
    received_at_ms: Date.now(),
    isSettled: false,
    settle: () => {
      if (message.isSettled) throw new Error('settled twice');
      message.isSettled = true;
      onSettle?.();
    },
    ...rest,
  };
  return message;
}

export function buildAction(run: CompiledAction['run'] = () => SUCCEEDED, id = 'a1'): CompiledAction {
  return { id, retry: {}, run };
}

type CompiledParts = Omit<CompiledSubscription, 'id' | 'definition' | 'concurrency' | 'runtime'>;

export function buildSubscription(
  overrides: Partial<CompiledParts> & Partial<Omit<ListenerSubscription, 'filter' | 'actions'>> = {},
): CompiledSubscription {
  const { filter = null, orderingKey, messageKey = null, actions = [buildAction()], revision = 1, ...rest } = overrides;
  const definition: ListenerSubscription = {
    id: 1,
    name: 'test',
    topic: 'orders/created',
    topic_filter: 'orders/created',
    wildcard_names: [],
    qos: 1,
    payload_format: 'json',
    message_key: null,
    concurrency: null,
    ordering: 'none',
    ...rest,
    filter: null,
    actions: [],
  };
  return {
    id: definition.id,
    definition,
    revision,
    concurrency: definition.concurrency,
    filter,
    orderingKey: orderingKey ?? (definition.ordering === 'topic' ? orderByTopic : null),
    messageKey,
    actions,
    runtime: null,
  };
}

/** Every subscription of the plan matches every message, unless `route` says otherwise. */
export function buildPlan(subscriptions: CompiledSubscription[], overrides: Partial<CompiledPlan> = {}): CompiledPlan {
  return {
    revision: 1,
    handover_after_ms: 20,
    subscription: (id) => subscriptions.find((subscription) => subscription.id === id),
    route: () => subscriptions,
    ...overrides,
  };
}

export function buildPipeline(
  overrides: Partial<MessagePipelineDeps> & { plan?: CompiledPlan } = {},
): MessagePipeline & { dropped: string[] } {
  const { plan, ...deps } = overrides;
  const dropped: string[] = [];
  let ids = 0;
  const pipeline = createMessagePipeline({
    identify: () => `m-${(ids++).toString()}`,
    nextDelay: ({ attempts_made, retry, retry_after_ms }) =>
      attempts_made >= (retry.max_attempts ?? 5) ? null : (retry_after_ms ?? retry.base_delay_ms ?? 5),
    onDropped: (delivery) => dropped.push(delivery.dead_reason ?? ''),
    ...deps,
  });
  if (plan) pipeline.apply(plan);
  return Object.assign(pipeline, { dropped });
}

/** An action whose runs end when the test says so. */
export function buildGatedAction(id = 'a1'): {
  action: CompiledAction;
  begun: DeliveryView[];
  finish(index: number, outcome?: Awaited<ReturnType<CompiledAction['run']>>): void;
} {
  const begun: DeliveryView[] = [];
  const resolvers: ((outcome: Awaited<ReturnType<CompiledAction['run']>>) => void)[] = [];
  return {
    begun,
    action: {
      id,
      retry: {},
      run: (delivery) =>
        new Promise((resolve) => {
          begun.push(delivery);
          resolvers.push(resolve);
        }),
    },
    finish: (index, outcome = SUCCEEDED) => resolvers[index]?.(outcome),
  };
}

/** The sum that must always hold. */
export function unaccounted(pipeline: MessagePipeline): number {
  const { counters } = pipeline;
  return (
    counters.deliveries_started +
    counters.deliveries_taken -
    counters.deliveries_succeeded -
    counters.deliveries_failed -
    counters.deliveries_queued -
    counters.deliveries_dead -
    pipeline.engine.in_flight
  );
}
