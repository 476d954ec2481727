import { cutText, type DeliveryAttempt, type DeliveryDeferral, type InstanceCounters } from '@cortex-mqtt/contracts';
import type { ActionOutcome, CompiledAction, RetrySettings } from './compiled-plan';
import { ACTION_SUCCEEDED, type Delivery } from './delivery';

/** The attempts that a delivery remembers. */
const ATTEMPTS_KEPT = 20;
const ERROR_LIMIT = 1_000;

/** Milliseconds until the next attempt after `attempts_made` failed ones; null = no further one. */
export type NextDelay = (input: {
  attempts_made: number;
  retry: RetrySettings;
  retry_after_ms: number | null;
}) => number | null;

/** Writes down how each run of an action ended: in the delivery, and in the counters of its subscription and the process. */
export class AttemptRecord {
  constructor(private readonly deps: { counters: InstanceCounters; nextDelay: NextDelay }) {}

  record(delivery: Delivery, index: number, outcome: ActionOutcome, asked_ms: number): void {
    const { counters } = this.deps;
    const started_ms = ('began_ms' in outcome ? outcome.began_ms : undefined) ?? asked_ms;
    const { runtime } = delivery;
    switch (outcome.kind) {
      case 'skipped':
        delivery.states[index] = ACTION_SUCCEEDED;
        return;
      case 'succeeded':
        delivery.states[index] = ACTION_SUCCEEDED;
        counters.actions_attempted += 1;
        counters.actions_executed += 1;
        runtime.actions_attempted += 1;
        runtime.actions_executed += 1;
        if (delivery.attempts !== null || delivery.states.length > 1) {
          remember(delivery, index, outcome, started_ms);
        } else if (delivery.record !== null) {
          const ended_ms = Date.now();
          delivery.quick = {
            began_ms: started_ms === 0 ? ended_ms : started_ms,
            ended_ms,
            status: outcome.status ?? null,
          };
        }
        return;
      case 'deferred':
        // Nothing was tried: it is no attempt, and the last real error stays the last.
        delivery.deferral = deferralOf(delivery, outcome);
        delivery.deferred_ms = Math.max(delivery.deferred_ms, outcome.retry_after_ms);
        return;
      case 'failed':
        counters.actions_attempted += 1;
        counters.actions_failed += 1;
        runtime.actions_attempted += 1;
        runtime.actions_failed += 1;
        this.failed(delivery, index, outcome, started_ms);
        return;
      default:
        outcome satisfies never;
    }
  }

  private failed(
    delivery: Delivery,
    index: number,
    outcome: Extract<ActionOutcome, { kind: 'failed' }>,
    started_ms: number,
  ): void {
    delivery.attempts_made ??= delivery.states.map(() => 0);
    const made = (delivery.attempts_made[index] ?? 0) + 1;
    delivery.attempts_made[index] = made;
    remember(delivery, index, outcome, started_ms);
    const { id, retry } = delivery.subscription.actions[index] as CompiledAction;
    const pause_ms = outcome.permanent
      ? null
      : this.deps.nextDelay({ attempts_made: made, retry, retry_after_ms: outcome.retry_after_ms ?? null });
    if (pause_ms === null) {
      const error = outcome.permanent ? outcome.error : `${outcome.error} (given up after ${made} attempts)`;
      delivery.giveUp(index, { action_id: id, error: shorten(error) });
      return;
    }
    if (outcome.retry_after_ms) delivery.mustPause = true;
    delivery.pause_ms = Math.max(delivery.pause_ms, pause_ms);
  }
}

function deferralOf(
  { awaited }: Delivery,
  { destination, error }: Extract<ActionOutcome, { kind: 'deferred' }>,
): DeliveryDeferral {
  const looks = awaited?.destination === destination && awaited?.looks === true;
  return { destination: destination ?? null, reason: shorten(error), looks };
}

function remember(
  delivery: Delivery,
  index: number,
  outcome: Extract<ActionOutcome, { kind: 'succeeded' | 'failed' }>,
  started_ms: number,
): void {
  const now_ms = Date.now();
  const begun_ms = started_ms === 0 ? now_ms : started_ms;
  const attempt: DeliveryAttempt = {
    at: new Date(begun_ms).toISOString(),
    action_id: (delivery.subscription.actions[index] as CompiledAction).id,
    outcome: outcome.kind === 'failed' && outcome.permanent ? 'permanent' : outcome.kind,
    status: outcome.status ?? null,
    error: outcome.kind === 'succeeded' ? null : shorten(outcome.error),
    response_excerpt: outcome.response_excerpt ?? null,
    duration_ms: now_ms - begun_ms,
  };
  delivery.attempts ??= [];
  delivery.attempts.push(attempt);
  if (delivery.attempts.length > ATTEMPTS_KEPT) delivery.attempts.shift();
}

/** An error text of bounded length that every store takes. */
export function shorten(text: string): string {
  return cutText(text, ERROR_LIMIT);
}
