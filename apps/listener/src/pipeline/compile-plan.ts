import {
  ActionFault,
  type ActionRunner,
  type ActionOutcome as AttemptOutcome,
  Batcher,
  batchOf,
  type createBreakers,
  createMessageIds,
  type ItemOutcome,
  messageIdentity,
  OpenBatches,
  orderingKey,
  ownIdentity,
  type PreparedAction,
  parsedBytes,
  type ReadyAction,
  CompiledAction as RunnableAction,
  toActionFault,
} from '@cortex-mqtt/actions';
import type { ActionDefinition, ListenerConfigDocument, ListenerSubscription } from '@cortex-mqtt/contracts';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
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
import { createIsoTime, DeliveryEnvelope, type EnvelopeScope } from './delivery-envelope';
import type { InFlightMemory } from './in-flight-memory';
import type { AttemptMeter } from '../observations/attempt-meter';
import type { DestinationMeter } from '../observations/destination-meter';
import type { AttemptTrace, TracedAction } from '../tracing/delivery-trace';
import type { PipelineMessage } from './pipeline-message';

const NOTHING: readonly CompiledSubscription[] = Object.freeze([]);
/** Milliseconds after which an open breaker's destination is looked at again at the soonest. */
const BREAKER_PAUSE_MS = 1_000;
/** After the breaker lets an attempt through again: clocks are not that exact. */
const TRIAL_MARGIN_MS = 50;
/** Batches of one action under way at once, where its subscription says nothing. */
const BATCHES_AT_ONCE = 8;

export interface CompilePlanDeps {
  runner: ActionRunner;
  engine: ExpressionEngine;
  breakers: ReturnType<typeof createBreakers>;
  /** Told how each attempt ends; null = nobody wants to know. */
  meter?: Pick<DestinationMeter, 'ended'> | null;
  /** Told as well. */
  attempts?: Pick<AttemptMeter, 'ended'> | null;
  /** Ids of the subscriptions that a copy of a message has to run; the session knows. */
  route(message: PipelineMessage): readonly number[];
  /** Aborted when what is in flight must end. */
  signal: AbortSignal;
  /** Of all plans; absent: this one's own. */
  open_batches?: OpenBatches;
}

/** Everything of one revision that can be worked out before its first message. */
export function compilePlan(document: ListenerConfigDocument, deps: CompilePlanDeps): CompiledPlan {
  const { product_id, revision } = document;
  const scope: PlanScope = {
    ...deps,
    product_id,
    revision,
    isoTime: createIsoTime(),
    secrets: secretsFrom(document.secrets),
    open_batches: deps.open_batches ?? new OpenBatches(),
  };
  const subscriptions = new Map<number, CompiledSubscription>();
  for (const definition of document.subscriptions) {
    subscriptions.set(definition.id, new PlannedSubscription(definition, scope));
  }
  return {
    revision,
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

/** Gives the identity of a message whose subscription names no key of its own. */
export function createIdentify(
  memory: InFlightMemory | null = null,
): (message: PipelineMessage, record_id: string | null) => string {
  const makeId = createMessageIds();
  return (message, record_id) => {
    const { topic, payload, properties } = message;
    const source = { topic, user_properties: properties.user_properties, payload: () => parsedBytes(payload) };
    const makeNew = record_id === null ? makeId : () => `r_${record_id}`;
    const makeOwn = memory === null ? makeNew : () => memory.idOf(message, makeNew);
    return ownIdentity(source, properties.content_type, makeOwn).message_id;
  };
}

class PlannedSubscription implements CompiledSubscription {
  readonly id: number;
  readonly concurrency: number | null;
  readonly gathering_ms: number;
  runtime: CompiledSubscription['runtime'] = null;
  readonly actions: readonly CompiledAction[];
  readonly revision: number;
  readonly filter: CompiledSubscription['filter'];
  readonly orderingKey: CompiledSubscription['orderingKey'];
  readonly messageKey: CompiledSubscription['messageKey'];

  constructor(
    readonly definition: ListenerSubscription,
    plan: PlanScope,
  ) {
    const { engine } = plan;
    const { filter, ordering, message_key } = definition;
    const envelopeOf = (delivery: DeliveryView) => new DeliveryEnvelope(delivery, definition, plan, null);
    this.id = definition.id;
    this.concurrency = definition.concurrency;
    this.revision = plan.revision;
    this.filter = filter === null ? null : (delivery) => engine.test(filter, envelopeOf(delivery));
    this.orderingKey = keyOf(ordering, (source, delivery) => orderingKey(source, envelopeOf(delivery), engine));
    this.messageKey =
      message_key === null
        ? null
        : async (delivery) =>
            (
              await messageIdentity(envelopeOf(delivery), {
                message_key,
                content_type: delivery.message.properties.content_type,
                engine,
              })
            ).message_id;
    this.actions = definition.actions
      .filter((action) => action.enabled)
      .map((action) => new PlannedAction(action, definition, plan));
    this.gathering_ms = definition.actions.reduce(
      (longest, action) => Math.max(longest, (action.enabled ? batchOf(action)?.max_wait_ms : null) ?? 0),
      0,
    );
  }
}

/** What everything of a plan has in common. */
interface PlanScope extends CompilePlanDeps, EnvelopeScope {
  revision: number;
  secrets: (name: string) => string | undefined;
  open_batches: OpenBatches;
}

class PlannedAction implements CompiledAction {
  readonly id: string;
  readonly retry: CompiledAction['retry'];
  /** null: each message is sent by itself. */
  readonly gathering: Batcher | null;
  private readonly action: RunnableAction;
  private readonly topic_filter: string;
  private readonly traced: TracedAction;

  constructor(
    definition: ActionDefinition,
    private readonly subscription: ListenerSubscription,
    private readonly plan: PlanScope,
  ) {
    this.id = definition.id;
    this.topic_filter = subscription.topic_filter;
    this.retry = definition.retry ?? {};
    this.traced = { id: definition.id, type: definition.type, method: methodOf(definition) };
    this.action = new RunnableAction(definition);
    this.gathering = this.action.is_batched ? this.createBatcher() : null;
  }

  /** A promise only where there is something to wait for. */
  run(delivery: DeliveryView): ActionOutcome | Promise<ActionOutcome> {
    if (delivery.trace === null) return this.attempt(delivery, null);
    const trace = delivery.trace.attempt(this.traced, delivery.attemptsOf(this.id) + 1);
    const outcome = this.attempt(delivery, trace);
    return outcome instanceof Promise ? outcome.then((ended) => trace.ended(ended)) : trace.ended(outcome);
  }

  private attempt(delivery: DeliveryView, trace: AttemptTrace | null): ActionOutcome | Promise<ActionOutcome> {
    const { secrets, runner } = this.plan;
    try {
      const ready = runner.prepare(this.action, {
        envelope: new DeliveryEnvelope(delivery, this.subscription, this.plan, this.id),
        content_type: delivery.message.properties.content_type,
        topic_filter: this.topic_filter,
        secrets,
      });
      return ready instanceof Promise
        ? ready.then((prepared) => this.execute(delivery, prepared, trace)).catch(this.failed)
        : this.execute(delivery, ready, trace);
    } catch (error) {
      return this.failed(error);
    }
  }

  private execute(
    delivery: DeliveryView,
    ready: PreparedAction,
    trace: AttemptTrace | null,
  ): ActionOutcome | Promise<ActionOutcome> {
    if (ready.kind === 'skipped') return SKIPPED;
    if (trace !== null) trace.destination = ready.destination;
    if (this.gathering !== null) return this.executeWithOthers(delivery, this.gathering, ready);
    const { runner, breakers, signal } = this.plan;
    const options = { attempt: delivery.attemptsOf(this.id) + 1, signal, trace };
    const began_ms = performance.now();
    const result = breakers.breakerFor(ready.destination).run(() => runner.execute(ready, options));
    if (!(result instanceof Promise)) return this.metered(ready.destination, began_ms, succeeded(result));
    return result.then(
      (outcome) => this.metered(ready.destination, began_ms, succeeded(outcome)),
      (error: unknown) => this.metered(ready.destination, began_ms, this.failed(error, ready.destination)),
    );
  }

  private async executeWithOthers(
    delivery: DeliveryView,
    batcher: Batcher,
    ready: ReadyAction,
  ): Promise<ActionOutcome> {
    const { outcome, began_ms } = await batcher.join(ready, delivery.attemptsOf(this.id) + 1);
    const ended = outcome instanceof ActionFault ? this.failed(outcome, ready.destination) : succeeded(outcome);
    return ended.kind === 'succeeded' || ended.kind === 'failed' ? { ...ended, began_ms } : ended;
  }

  /** A batch is one call: to the breaker, and among the attempts of its destination. */
  private createBatcher(): Batcher {
    const { runner, breakers, signal, open_batches } = this.plan;
    const { definition, type } = this.action;
    const { batch } = type;
    if (batch === undefined) throw new Error(`an action of type "${definition.type}" sends no batches`);
    return new Batcher({
      definition,
      method: batch,
      concurrency: this.subscription.concurrency ?? BATCHES_AT_ONCE,
      open: open_batches,
      send: async (items) => {
        const destination = items[0]?.destination ?? '';
        const began_ms = performance.now();
        try {
          const outcomes = await breakers
            .breakerFor(destination)
            .run(async () => orFault(await runner.executeBatch(items, { signal })));
          this.metered(destination, began_ms, SUCCEEDED);
          return outcomes;
        } catch (error) {
          this.metered(destination, began_ms, this.failed(error, destination));
          if (error instanceof EveryItemFailed) return error.outcomes;
          throw toActionFault(error);
        }
      },
    });
  }

  private metered(destination: string, began_ms: number, outcome: ActionOutcome): ActionOutcome {
    // A breaker that is open has attempted nothing.
    if (outcome.kind === 'succeeded' || outcome.kind === 'failed') {
      const attempt = {
        destination,
        action_type: this.action.definition.type,
        subscription_id: this.subscription.id,
        duration_ms: performance.now() - began_ms,
        error: outcome.kind === 'failed' ? outcome.error : null,
      };
      this.plan.meter?.ended(attempt);
      this.plan.attempts?.ended(attempt);
    }
    return outcome;
  }

  private pauseUntilTrial(destination: string | undefined): number {
    const trial_at_ms = destination === undefined ? null : this.plan.breakers.facts(destination).next_try_at_ms;
    return Math.max(BREAKER_PAUSE_MS, (trial_at_ms ?? 0) - Date.now() + TRIAL_MARGIN_MS);
  }

  private readonly failed = (error: unknown, destination?: string): ActionOutcome => {
    const fault = this.plan.runner.faultOf(error);
    if (fault.detail.code === 'BREAKER_OPEN') {
      const retry_after_ms = fault.retry_after_ms ?? this.pauseUntilTrial(destination);
      return { kind: 'deferred', error: fault.message, retry_after_ms, destination };
    }
    return {
      kind: 'failed',
      error: fault.message,
      permanent: fault.permanent,
      status: statusOf(fault.detail.status),
      response_excerpt: fault.detail.response_excerpt ?? null,
      retry_after_ms: fault.retry_after_ms,
    };
  };
}

function methodOf(definition: ActionDefinition & { method?: unknown }): string | null {
  if (definition.type !== 'webhook') return null;
  return typeof definition.method === 'string' ? definition.method : 'POST';
}

/** A call that was answered, and in which each message failed for now: as much as none to the breaker. */
class EveryItemFailed extends ActionFault {
  constructor(
    first: ActionFault,
    readonly outcomes: readonly ItemOutcome[],
  ) {
    super(first.message, { permanent: false, detail: first.detail });
  }
}

function orFault(outcomes: readonly ItemOutcome[]): readonly ItemOutcome[] {
  const faults = outcomes.filter((outcome) => outcome instanceof ActionFault);
  const transient = faults.find(({ permanent }) => !permanent);
  if (faults.length < outcomes.length || transient === undefined) return outcomes;
  throw new EveryItemFailed(transient, outcomes);
}

const secretsFrom =
  (secrets: Record<string, string>) =>
  (name: string): string | undefined =>
    Object.hasOwn(secrets, name) ? secrets[name] : undefined;

function succeeded({ detail }: AttemptOutcome): ActionOutcome {
  const status = statusOf(detail.status);
  return status === null ? SUCCEEDED : { kind: 'succeeded', status };
}

const statusOf = (status: unknown): number | null => (typeof status === 'number' ? status : null);

function keyOf(
  ordering: string,
  evaluate: (source: string, delivery: DeliveryView) => Promise<string>,
): CompiledSubscription['orderingKey'] {
  switch (ordering) {
    case 'none':
      return null;
    case 'topic':
      return orderByTopic;
    default:
      return (delivery) => evaluate(ordering, delivery);
  }
}
