import {
  emptyCounters,
  type InstanceCounters,
  type RecentMessage,
  type SubscriptionCounters,
} from '@cortex-mqtt/contracts';
import type { NextDelay } from './attempt-record';
import type { CompiledPlan, CompiledSubscription } from './compiled-plan';
import { Delivery, MessageSlot, type QueuedFate } from './delivery';
import { DEFAULT_ENGINE_LIMITS, DeliveryEngine, type EngineLimits } from './delivery-engine';
import type { EventLog } from './event-log';
import { createLatencyHistogram, type LatencyHistogram, type LatencySnapshot } from './latency-histogram';
import type { Overflow } from './overflow';
import type { SilenceWatcher } from '../observations/silence-watcher';
import type { PipelineMessage } from './pipeline-message';
import type { Recorder } from './recorder';
import { createSampleBudget, RecentMessages } from './recent-messages';
import type { Tracer } from '../tracing/tracer';
import { SubscriptionRuntime } from './subscription-runtime';
import { UnmatchedMessages } from './unmatched-messages';

export interface MessagePipelineDeps {
  /** Told of every message that a subscription takes. */
  silence?: Pick<SilenceWatcher, 'heard'>;
  /** Identity of a message: what it carries, else that of its record. Two messages published on purpose never share one. */
  identify: (message: PipelineMessage, record_id: string | null) => string;
  /** Hears of a message that is settled after it was identified. */
  onSettled?: (message: PipelineMessage) => void;
  nextDelay: NextDelay;
  limits?: Partial<EngineLimits>;
  /** A line for each message and outcome; null = none. */
  eventLog?: EventLog | null;
  /** Keeps what is received and what becomes of it; null = nobody does. */
  recorder?: Recorder | null;
  /** Gives deliveries their place in a trace; null = nothing is traced. */
  tracer?: Tracer | null;
  /** Hears of a delivery that is given up while no queue is configured: the event's only trace. */
  onDropped: (delivery: Delivery) => void;
}

/**
 * message → match → decode → filter → run → acknowledge. A message is settled when each of its deliveries has ended or
 * is durably in the queue; until then the broker holds it.
 */
export interface MessagePipeline {
  readonly engine: DeliveryEngine;
  readonly counters: InstanceCounters;
  readonly unmatched: UnmatchedMessages;
  /** Takes one message. Never throws, never waits. */
  accept(message: PipelineMessage): void;
  /** Runs new messages by `plan`; deliveries under way end under the one they began with. */
  apply(plan: CompiledPlan): void;
  plan(): CompiledPlan | null;
  /** Runs a delivery that came from the queue. `restore` brings back what was tried before. */
  runQueued(input: {
    subscription: CompiledSubscription;
    message: PipelineMessage;
    message_id: string;
    /** Under which the message is recorded; null = it is not. */
    record_id: string | null;
    /** `traceparent` of the run before; null = there was none, or nothing was traced. */
    trace: string | null;
    isRevived: boolean;
    /** The subscription's filter decides about it, as about a new message. */
    isToBeAsked: boolean;
    /** Its id is not to be what the subscription's message key says. */
    hasNewIds: boolean;
    restore: (delivery: Delivery) => void;
    onFate: (fate: QueuedFate, delivery: Delivery) => void;
  }): void;
  /** Whether a delivery of so many bytes would begin at once. */
  hasPlaceFor(subscription: CompiledSubscription, bytes: number): boolean;
  /** The state of a subscription in this process. */
  runtime(subscription_id: number): SubscriptionRuntime<Delivery>;
  useOverflow(overflow: Overflow): void;
  /** Whether messages of an ordering key wait for older ones that this process doesn't have. */
  useKeyHold(holds: (subscription_id: number, key: string) => boolean): void;
  /** They need not wait any longer. */
  releaseKey(subscription_id: number, key: string): void;
  subscriptionCounters(): SubscriptionCounters[];
  /** What subscriptions have counted since the last call, those that are gone by now included. */
  takeCounterNews(): SubscriptionCounters[];
  /** When the latest message for a subscription came, milliseconds since the epoch; null = none yet. */
  lastMessageAt(): number | null;
  recentMessages(subscription_id: number): RecentMessage[];
  /** From receipt to the end of the last action, of deliveries that succeeded. */
  latency(): LatencySnapshot | null;
  /** Since the start, for a histogram that can be added up. */
  cumulativeLatency(bounds_ms: readonly number[]): ReturnType<LatencyHistogram['cumulative']>;
  /** The same from the publisher's own time on, of messages that name it. */
  cumulativeEndToEnd(bounds_ms: readonly number[]): ReturnType<LatencyHistogram['cumulative']>;
  /** Resolves when no delivery is in flight here. */
  drain(): Promise<void>;
}

export function createMessagePipeline(deps: MessagePipelineDeps): MessagePipeline {
  const counters = emptyCounters();
  const latency = createLatencyHistogram();
  const end_to_end = createLatencyHistogram();
  const budget = createSampleBudget();
  const runtimes = new Map<number, SubscriptionRuntime<Delivery>>();
  const eventLog = deps.eventLog ?? null;
  const unmatched = new UnmatchedMessages();
  const recorder = deps.recorder ?? null;
  const tracer = deps.tracer ?? null;
  const engine = new DeliveryEngine({
    counters,
    latency,
    end_to_end,
    nextDelay: deps.nextDelay,
    limits: { ...DEFAULT_ENGINE_LIMITS, ...deps.limits },
    eventLog,
    recorder,
    tracer,
    onDropped: deps.onDropped,
  });
  /** News of subscriptions that are gone. */
  let departed: SubscriptionCounters[] = [];
  let last_message_at_ms: number | null = null;
  let holds: ((subscription_id: number, key: string) => boolean) | null = null;
  let plan: CompiledPlan | null = null;
  let sequence = Date.now() * 1_000;

  const runtime = (id: number): SubscriptionRuntime<Delivery> => {
    let found = runtimes.get(id);
    if (!found) {
      found = new SubscriptionRuntime<Delivery>(id, new RecentMessages({ budget }));
      const { id: of } = found;
      if (holds) found.heldKeys = (key) => holds?.(of, key) ?? false;
      runtimes.set(id, found);
    }
    return found;
  };

  const runtimeOf = (subscription: CompiledSubscription): SubscriptionRuntime<Delivery> => {
    subscription.runtime ??= runtime(subscription.id);
    return subscription.runtime as SubscriptionRuntime<Delivery>;
  };

  const filteredOut = (delivery: Delivery): void => {
    recorder?.ended(delivery, 'filtered');
    tracer?.ended(delivery, 'filtered');
    delivery.release();
  };

  const start = (delivery: Delivery): void => {
    counters.deliveries_started += 1;
    engine.admit(delivery);
  };

  /** The way of subscriptions that ask an expression before the first action; in order of receipt if they order. */
  const startAfterExpressions = (delivery: Delivery): void => {
    const { runtime: of, subscription } = delivery;
    if (subscription.orderingKey === null || of.admission === null) {
      const ready = prepare(delivery);
      if (ready === true) {
        start(delivery);
        return;
      }
      if (ready === false) {
        filteredOut(delivery);
        return;
      }
      const admission = ready.then(
        (isWanted) => (isWanted ? start(delivery) : filteredOut(delivery)),
        reject(delivery),
      );
      if (subscription.orderingKey !== null) chain(of, admission);
      return;
    }
    const before = of.admission;
    chain(
      of,
      // Worked out at once, admitted in order.
      Promise.all([prepareAsync(delivery), before]).then(
        ([isWanted]) => (isWanted ? start(delivery) : filteredOut(delivery)),
        reject(delivery),
      ),
    );
  };

  const reject =
    (delivery: Delivery) =>
    (error: unknown): void => {
      counters.deliveries_started += 1;
      engine.reject(delivery, error instanceof Error ? error.message : String(error));
    };

  return {
    engine,
    counters,
    unmatched,
    plan: () => plan,

    accept(message) {
      counters.messages_received += 1;
      const matched = plan === null ? [] : plan.route(message);
      const count = matched.length;
      if (count === 0) {
        counters.messages_unmatched += 1;
        if (!recorder?.unmatched(message)) unmatched.add(message);
        message.settle();
        return;
      }
      counters.messages_matched += 1;
      const record = recorder?.open(message) ?? null;
      const slot = new MessageSlot(message, count, deps.identify, record, deps.onSettled);
      const origin = tracer?.originOf(message) ?? null;
      if (record !== null && recorder?.holdUntilStored(record, () => slot.release())) slot.hold();
      for (let index = 0; index < count; index += 1) {
        const subscription = matched[index] as CompiledSubscription;
        const of = runtimeOf(subscription);
        of.messages_received += 1;
        of.last_message_at_ms = message.received_at_ms;
        last_message_at_ms = message.received_at_ms;
        deps.silence?.heard(subscription.definition, message.topic, message.received_at_ms);
        if (budget.isOpen(message.received_at_ms)) of.recent.offer(message);
        sequence += 1;
        const delivery = new Delivery(slot, subscription, of, sequence);
        if (origin !== null) delivery.trace = tracer?.begin(origin, message.received_at_ms) ?? null;
        if (record !== null) recorder?.join(record, delivery);
        if (subscription.filter === null && subscription.orderingKey === null && subscription.messageKey === null) {
          start(delivery);
        } else {
          try {
            startAfterExpressions(delivery);
          } catch (error) {
            reject(delivery)(error);
          }
        }
      }
    },

    apply(next) {
      plan = next;
      unmatched.planChanged();
      for (const [id, of] of runtimes) {
        const isIdle = of.running === 0 && of.waiting.isEmpty && of.lanes.size === 0 && of.admission === null;
        if (!isIdle || next.subscription(id)) continue;
        of.recent.forget();
        const news = of.takeNews();
        if (news) departed.push(news);
        runtimes.delete(id);
      }
    },

    runQueued({
      subscription,
      message,
      message_id,
      record_id,
      trace,
      isRevived,
      isToBeAsked,
      hasNewIds,
      restore,
      onFate,
    }) {
      const record = record_id === null ? null : (recorder?.reopen(record_id, message.replay?.id ?? null) ?? null);
      const slot = new MessageSlot(message, 1, () => message_id, record);
      sequence += 1;
      const delivery = new Delivery(slot, subscription, runtimeOf(subscription), sequence);
      delivery.own_message_id = message_id;
      delivery.trace = tracer?.begin(tracer.resumed(message, trace), Date.now()) ?? null;
      delivery.onFate = (fate) => onFate(fate, delivery);
      restore(delivery);
      const begin = (): void => {
        if (isRevived) counters.deliveries_started += 1;
        else counters.deliveries_taken += 1;
        engine.admit(delivery);
      };
      if (!isToBeAsked) {
        begin();
        return;
      }
      askAgain(delivery, { hasNewIds }).then(
        (isWanted) => {
          if (isWanted) {
            begin();
            return;
          }
          recorder?.ended(delivery, 'filtered');
          tracer?.ended(delivery, 'filtered');
          onFate({ kind: 'done' }, delivery);
        },
        (error: unknown) => reject(delivery)(error),
      );
    },

    hasPlaceFor: (subscription, bytes) => engine.gate.isOpenFor(runtimeOf(subscription), bytes),
    runtime,
    useKeyHold(next) {
      holds = next;
      for (const of of runtimes.values()) of.heldKeys = (key) => next(of.id, key);
    },
    releaseKey(subscription_id, key) {
      const of = runtimes.get(subscription_id);
      if (of) engine.releaseKey(of, key);
    },
    useOverflow: (overflow) => {
      engine.overflow = overflow;
    },
    subscriptionCounters: () => [...runtimes.values()].map((of) => of.counters()),
    takeCounterNews() {
      const news = departed;
      departed = [];
      for (const of of runtimes.values()) {
        const counters = of.takeNews();
        if (counters) news.push(counters);
      }
      return news;
    },
    lastMessageAt: () => last_message_at_ms,
    recentMessages: (subscription_id) => runtimes.get(subscription_id)?.recent.list() ?? [],
    latency: () => latency.latest(Date.now()),
    cumulativeLatency: (bounds_ms) => latency.cumulative(bounds_ms),
    cumulativeEndToEnd: (bounds_ms) => end_to_end.cumulative(bounds_ms),
    drain: () => engine.drain(),
  };
}

/** Filter, identity and ordering key. True: wanted; false: filtered out; a promise when an expression takes its time. */
function prepare(delivery: Delivery): boolean | Promise<boolean> {
  const { filter, orderingKey, messageKey } = delivery.subscription;
  const isWanted = filter === null ? true : filter(delivery);
  if (isWanted === false) return false;
  if (isWanted !== true) return isWanted.then((wanted) => wanted && prepareKeys(delivery));
  if (messageKey === null && orderingKey === null) return true;
  if (messageKey === null) {
    const key = orderingKey?.(delivery) ?? null;
    if (typeof key === 'string' || key === null) {
      delivery.ordering_key = key;
      return true;
    }
    return key.then((resolved) => {
      delivery.ordering_key = resolved;
      return true;
    });
  }
  return prepareKeys(delivery);
}

/** Filter and identity of a message that is run again. Its ordering key was worked out when it was queued. */
async function askAgain(delivery: Delivery, { hasNewIds }: { hasNewIds: boolean }): Promise<boolean> {
  const { filter, messageKey } = delivery.subscription;
  if (filter !== null && !(await filter(delivery))) return false;
  if (messageKey !== null && !hasNewIds) delivery.own_message_id = await messageKey(delivery);
  return true;
}

async function prepareAsync(delivery: Delivery): Promise<boolean> {
  return prepare(delivery);
}

async function prepareKeys(delivery: Delivery): Promise<boolean> {
  const { orderingKey, messageKey } = delivery.subscription;
  if (messageKey) delivery.own_message_id = await messageKey(delivery);
  if (orderingKey) delivery.ordering_key = await orderingKey(delivery);
  return true;
}

function chain(of: SubscriptionRuntime<Delivery>, admission: Promise<void>): void {
  const current = admission.then(() => {
    if (of.admission === current) of.admission = null;
  });
  of.admission = current;
}
