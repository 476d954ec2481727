import type { DeliveryAttempt, InstanceCounters } from '@cortex-mqtt/contracts';
import type { ActionOutcome, CompiledAction, RetrySettings } from './compiled-plan';
import { ConcurrencyGate, type GateLimits } from './concurrency-gate';
import { ACTION_SUCCEEDED, ACTION_TO_DO, type Delivery, type QueuedFate } from './delivery';
import type { EventLog } from './event-log';
import { Fifo } from './fifo';
import type { LatencyHistogram } from './latency-histogram';
import type { Overflow, OverflowEvents } from './overflow';

/** The attempts that a delivery remembers. */
export const ATTEMPTS_KEPT = 20;
const ERROR_LIMIT = 1_000;

export interface EngineLimits extends GateLimits {
  /** Runs in quick succession before a failing delivery is left to the queue. */
  quick_runs: number;
  /** Upper bound of the pause between quick runs, milliseconds. */
  quick_pause_ms: number;
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  max_running: 1_024,
  max_running_each: 256,
  max_running_bytes: 64 * 1024 * 1024,
  quick_runs: 2,
  quick_pause_ms: 100,
};

/**
 * Milliseconds until the next attempt after `attempts_made` failed ones; null = no further one.
 */
export type NextDelay = (input: {
  attempts_made: number;
  retry: RetrySettings;
  retry_after_ms: number | null;
}) => number | null;

/**
 * Runs deliveries: orders them, bounds how many run at once, runs the actions that are still to do, and decides what
 * follows. A delivery whose actions all end at once costs no promise and no timer.
 */
export class DeliveryEngine implements OverflowEvents {
  readonly gate: ConcurrencyGate;
  /** Deliveries that have begun and neither ended nor been left to the queue. */
  in_flight = 0;
  overflow: Overflow | null = null;
  private readonly idle: (() => void)[] = [];
  private isStopping = false;

  constructor(
    private readonly deps: {
      counters: InstanceCounters;
      latency: LatencyHistogram;
      nextDelay: NextDelay;
      limits: EngineLimits;
      eventLog: EventLog | null;
      onDropped: (delivery: Delivery) => void;
    },
  ) {
    this.gate = new ConcurrencyGate(deps.limits, (delivery) => this.run(delivery));
  }

  /** Takes over a delivery; in the lane of its ordering key if it has one. */
  admit(delivery: Delivery): void {
    this.in_flight += 1;
    delivery.runtime.concurrency = delivery.subscription.concurrency;
    const key = delivery.ordering_key;
    if (key !== null && !this.enterLane(delivery, key)) {
      delivery.phase = 'laned';
    } else {
      this.gate.enter(delivery);
    }
    if (!delivery.isOver && delivery.onFate === null) this.overflow?.watch(delivery);
  }

  /** Whether deliveries of this key are under way here. */
  isLaneBusy(delivery: Delivery): boolean {
    return delivery.ordering_key !== null && delivery.runtime.lanes.has(delivery.ordering_key);
  }

  /** Ends a delivery that never ran because of a permanent fault before its actions. */
  reject(delivery: Delivery, reason: string): void {
    this.in_flight += 1;
    this.fail(delivery, reason);
  }

  /** Retries that wait here are no longer begun. Resolves when nothing is in flight. */
  async drain(): Promise<void> {
    this.isStopping = true;
    if (this.in_flight === 0) return;
    await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  onLeft(delivery: Delivery): void {
    if (delivery.isOver) return;
    this.deps.counters.deliveries_queued += 1;
    this.deps.eventLog?.(delivery, 'queued');
    this.close(delivery, 'left');
  }

  onBuried(delivery: Delivery): void {
    if (delivery.isOver) return;
    this.deps.counters.deliveries_dead += 1;
    this.deps.eventLog?.(delivery, 'dead');
    this.close(delivery, 'ended');
  }

  onRefused(delivery: Delivery): void {
    if (delivery.phase === 'paused' && delivery.timer === null) this.resume(delivery);
    else if (delivery.phase === 'leaving') this.gate.enterLater(delivery);
  }

  onLost(delivery: Delivery): void {
    if (!delivery.isOver) this.drop(delivery);
  }

  private run(delivery: Delivery): void {
    delivery.phase = 'running';
    delivery.runs += 1;
    delivery.pause_ms = -1;
    delivery.wasDeferred = false;
    this.runFrom(delivery, 0);
  }

  private runFrom(delivery: Delivery, first: number): void {
    const { actions } = delivery.subscription;
    for (let index = first; index < actions.length; index += 1) {
      if (delivery.states[index] !== ACTION_TO_DO) continue;
      const action = actions[index] as CompiledAction;
      let outcome: ActionOutcome | Promise<ActionOutcome>;
      try {
        outcome = action.run(delivery);
      } catch (error) {
        outcome = permanentFault(error);
      }
      if (outcome instanceof Promise) {
        const started_ms = Date.now();
        outcome.then(
          (ended) => {
            this.record(delivery, index, ended, started_ms);
            this.runFrom(delivery, index + 1);
          },
          (error: unknown) => {
            this.record(delivery, index, permanentFault(error), started_ms);
            this.runFrom(delivery, index + 1);
          },
        );
        return;
      }
      this.record(delivery, index, outcome, 0);
    }
    this.gate.leave(delivery);
    this.decide(delivery);
  }

  private record(delivery: Delivery, index: number, outcome: ActionOutcome, started_ms: number): void {
    const { counters } = this.deps;
    const { runtime } = delivery;
    switch (outcome.kind) {
      case 'skipped':
        delivery.states[index] = ACTION_SUCCEEDED;
        return;
      case 'succeeded':
        delivery.states[index] = ACTION_SUCCEEDED;
        counters.actions_executed += 1;
        runtime.actions_executed += 1;
        if (delivery.attempts !== null || delivery.states.length > 1) {
          this.remember(delivery, index, outcome, started_ms);
        }
        return;
      case 'deferred':
        delivery.wasDeferred = true;
        delivery.pause_ms = Math.max(delivery.pause_ms, outcome.retry_after_ms);
        this.remember(delivery, index, outcome, started_ms);
        return;
      case 'failed': {
        counters.actions_executed += 1;
        counters.actions_failed += 1;
        runtime.actions_executed += 1;
        runtime.actions_failed += 1;
        delivery.attempts_made ??= delivery.states.map(() => 0);
        const made = (delivery.attempts_made[index] ?? 0) + 1;
        delivery.attempts_made[index] = made;
        this.remember(delivery, index, outcome, started_ms);
        const action = delivery.subscription.actions[index] as CompiledAction;
        const pause_ms = outcome.permanent
          ? null
          : this.deps.nextDelay({
              attempts_made: made,
              retry: action.retry,
              retry_after_ms: outcome.retry_after_ms ?? null,
            });
        if (pause_ms === null) {
          delivery.giveUp(index, {
            action_id: action.id,
            error: shorten(outcome.permanent ? outcome.error : `${outcome.error} (given up after ${made} attempts)`),
          });
          return;
        }
        if (outcome.retry_after_ms) delivery.wasDeferred = true;
        delivery.pause_ms = Math.max(delivery.pause_ms, pause_ms);
        return;
      }
      default:
        outcome satisfies never;
    }
  }

  private remember(
    delivery: Delivery,
    index: number,
    outcome: Exclude<ActionOutcome, { kind: 'skipped' }>,
    started_ms: number,
  ): void {
    const now_ms = Date.now();
    const begun_ms = started_ms === 0 ? now_ms : started_ms;
    const attempt: DeliveryAttempt = {
      at: new Date(begun_ms).toISOString(),
      action_id: (delivery.subscription.actions[index] as CompiledAction).id,
      outcome: outcome.kind === 'failed' && outcome.permanent ? 'permanent' : outcome.kind,
      status: outcome.kind === 'deferred' ? null : (outcome.status ?? null),
      error: outcome.kind === 'succeeded' ? null : shorten(outcome.error),
      response_excerpt: outcome.kind === 'deferred' ? null : (outcome.response_excerpt ?? null),
      duration_ms: now_ms - begun_ms,
    };
    delivery.attempts ??= [];
    delivery.attempts.push(attempt);
    if (delivery.attempts.length > ATTEMPTS_KEPT) delivery.attempts.shift();
  }

  private decide(delivery: Delivery): void {
    if (delivery.pause_ms < 0) {
      if (delivery.failures !== null && delivery.failures.length > 0) {
        this.fail(delivery, delivery.failures.map((failure) => failure.error).join('; '));
      } else {
        this.succeed(delivery);
      }
      return;
    }
    const isQuick = delivery.runs < this.deps.limits.quick_runs && !delivery.wasDeferred;
    const pause_ms = isQuick
      ? Math.min(delivery.pause_ms, Math.random() * this.deps.limits.quick_pause_ms)
      : delivery.pause_ms;
    if (delivery.onFate) {
      this.hand(delivery, { kind: 'again', delay_ms: delivery.pause_ms });
      return;
    }
    delivery.phase = 'paused';
    delivery.next_try_at_ms = Date.now() + pause_ms;
    delivery.timer = setTimeout(() => {
      delivery.timer = null;
      this.resume(delivery);
    }, pause_ms);
    if (!isQuick) this.overflow?.offer(delivery);
  }

  private resume(delivery: Delivery): void {
    if (delivery.phase !== 'paused') return;
    // While it is being written its fate is open; `onLeft` or `onRefused` follows.
    if (this.overflow && !this.overflow.withdraw(delivery)) return;
    this.gate.enter(delivery);
  }

  private succeed(delivery: Delivery): void {
    this.deps.counters.deliveries_succeeded += 1;
    const now_ms = Date.now();
    this.deps.latency.record(now_ms - delivery.message.received_at_ms, now_ms);
    this.deps.eventLog?.(delivery, 'succeeded');
    if (delivery.onFate) {
      this.hand(delivery, { kind: 'done' });
      return;
    }
    this.overflow?.finished(delivery);
    this.close(delivery, 'ended');
  }

  private fail(delivery: Delivery, reason: string): void {
    delivery.dead_reason = shorten(reason);
    if (delivery.onFate) {
      this.deps.counters.deliveries_dead += 1;
      this.deps.eventLog?.(delivery, 'dead');
      this.hand(delivery, { kind: 'dead', reason: delivery.dead_reason });
      return;
    }
    if (this.overflow) {
      delivery.phase = 'dying';
      // Those behind it must not wait until the queue has taken it.
      this.leaveLane(delivery);
      this.overflow.bury(delivery);
      return;
    }
    this.drop(delivery);
  }

  /** Given up without a dead letter. */
  private drop(delivery: Delivery): void {
    this.deps.counters.deliveries_failed += 1;
    this.deps.eventLog?.(delivery, 'failed');
    this.deps.onDropped(delivery);
    this.close(delivery, 'ended');
  }

  /** A delivery from the queue goes back to the worker that has it. */
  private hand(delivery: Delivery, fate: QueuedFate): void {
    if (fate.kind === 'again') {
      this.deps.counters.deliveries_queued += 1;
      this.deps.eventLog?.(delivery, 'queued');
    }
    this.close(delivery, 'ended');
    delivery.onFate?.(fate);
  }

  private close(delivery: Delivery, phase: 'ended' | 'left'): void {
    delivery.phase = phase;
    if (delivery.timer) {
      clearTimeout(delivery.timer);
      delivery.timer = null;
    }
    this.in_flight -= 1;
    this.gate.forget(delivery);
    delivery.release();
    this.leaveLane(delivery);
    if (this.in_flight === 0 && this.isStopping) for (const resolve of this.idle.splice(0)) resolve();
  }

  private enterLane(delivery: Delivery, key: string): boolean {
    const lane = delivery.runtime.lanes.get(key);
    if (lane) {
      lane.push(delivery);
      return false;
    }
    delivery.runtime.lanes.set(key, new Fifo());
    delivery.isLaneHead = true;
    return true;
  }

  /** Lets the next of the lane run. */
  private leaveLane(delivery: Delivery): void {
    const key = delivery.ordering_key;
    if (key === null || !delivery.isLaneHead) return;
    delivery.isLaneHead = false;
    const lane = delivery.runtime.lanes.get(key);
    let next = lane?.shift();
    // Those that have been left to the queue while they waited are passed over.
    while (next && next.phase !== 'laned') next = lane?.shift();
    if (!next) {
      delivery.runtime.lanes.delete(key);
      return;
    }
    next.isLaneHead = true;
    this.gate.enterLater(next);
  }
}

function permanentFault(error: unknown): ActionOutcome {
  return { kind: 'failed', permanent: true, error: error instanceof Error ? error.message : String(error) };
}

/** Bounded, and without U+0000, which PostgreSQL's jsonb refuses. */
function shorten(text: string): string {
  const clean = text.replaceAll('\u0000', '');
  return clean.length > ERROR_LIMIT ? `${clean.slice(0, ERROR_LIMIT)}…` : clean;
}
