import type { DeliveryDeferral, InstanceCounters } from '@cortex-mqtt/contracts';
import { publishedAtMs } from '@cortex-mqtt/expressions';
import type { Tracer } from '../tracing/tracer';
import { AttemptRecord, type NextDelay, shorten } from './attempt-record';
import type { ActionOutcome, CompiledAction, Gathering } from './compiled-plan';
import { ConcurrencyGate, type GateLimits } from './concurrency-gate';
import { ACTION_TO_DO, type Delivery, type QueuedFate } from './delivery';
import type { DeliveryEvent, EventLog } from './event-log';
import type { LatencyHistogram } from './latency-histogram';
import { enterLane, leaveLane, nextOfLane } from './ordering-lanes';
import type { Overflow, OverflowEvents } from './overflow';
import type { Recorder } from './recorder';

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
 * Runs deliveries: orders them, bounds how many run at once, runs the actions that are still to do, and decides what
 * follows. A delivery whose actions all end at once costs no promise and no timer.
 */
export class DeliveryEngine implements OverflowEvents {
  readonly gate: ConcurrencyGate;
  /** Deliveries that have begun and neither ended nor been left to the queue. */
  in_flight = 0;
  overflow: Overflow | null = null;
  private readonly idle: (() => void)[] = [];
  private readonly attempts: AttemptRecord;
  private isStopping = false;

  constructor(
    private readonly deps: {
      counters: InstanceCounters;
      latency: LatencyHistogram;
      /** From the publisher's own time to the end. */
      end_to_end: LatencyHistogram;
      nextDelay: NextDelay;
      limits: EngineLimits;
      eventLog: EventLog | null;
      recorder: Recorder | null;
      tracer: Pick<Tracer, 'ended'> | null;
      onDropped: (delivery: Delivery) => void;
    },
  ) {
    this.attempts = new AttemptRecord(deps);
    this.gate = new ConcurrencyGate(deps.limits, (delivery) => this.run(delivery));
  }

  /** Takes over a delivery; in the lane of its ordering key if it has one. */
  admit(delivery: Delivery): void {
    this.in_flight += 1;
    delivery.runtime.concurrency = delivery.subscription.concurrency;
    const key = delivery.ordering_key;
    if (key !== null && !enterLane(delivery, key)) {
      delivery.moveTo('laned');
    } else {
      this.gate.enter(delivery);
    }
    if (!delivery.isOver && delivery.onFate === null) this.overflow?.watch(delivery);
  }

  /** Older deliveries of a key have left the queue: those that came since may run. */
  releaseKey(runtime: Delivery['runtime'], key: string): void {
    const next = nextOfLane(runtime, key);
    if (next) this.gate.enterLater(next);
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
    if (!this.close(delivery, 'left')) return;
    this.deps.counters.deliveries_queued += 1;
    this.tell(delivery, 'queued');
  }

  onBuried(delivery: Delivery): void {
    if (delivery.phase !== 'dying' || !this.close(delivery, 'ended')) return;
    this.deps.counters.deliveries_dead += 1;
    this.tell(delivery, 'dead');
  }

  onRefused(delivery: Delivery): void {
    if (delivery.phase === 'paused' && delivery.timer === null) this.resume(delivery);
    else if (delivery.phase === 'leaving') this.gate.enterLater(delivery);
  }

  onLost(delivery: Delivery): void {
    if (delivery.phase === 'dying') this.drop(delivery);
  }

  private tell(delivery: Delivery, event: DeliveryEvent): void {
    this.deps.eventLog?.(delivery, event);
    this.deps.recorder?.ended(delivery, event);
    this.deps.tracer?.ended(delivery, event);
  }

  private run(delivery: Delivery): void {
    if (!delivery.moveTo('running')) {
      this.gate.leave(delivery);
      return;
    }
    const { resumes_at } = delivery;
    if (resumes_at > 0) {
      delivery.resumes_at = 0;
      this.runFrom(delivery, resumes_at);
      return;
    }
    delivery.runs += 1;
    delivery.pause_ms = -1;
    delivery.deferred_ms = -1;
    delivery.mustPause = false;
    delivery.awaited = delivery.deferral;
    delivery.deferral = null;
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
        if (action.gathering != null) {
          this.runGathered(delivery, index, action.gathering, outcome);
          return;
        }
        const started_ms = Date.now();
        outcome.then(
          (ended) => {
            this.attempts.record(delivery, index, ended, started_ms);
            this.runFrom(delivery, index + 1);
          },
          (error: unknown) => {
            this.attempts.record(delivery, index, permanentFault(error), started_ms);
            this.runFrom(delivery, index + 1);
          },
        );
        return;
      }
      this.attempts.record(delivery, index, outcome, 0);
    }
    this.gate.leave(delivery);
    this.decide(delivery);
  }

  /** It waits for others to be sent with. How many run at once must not bound how many that can be, so it gives its place back. */
  private runGathered(delivery: Delivery, index: number, gathering: Gathering, outcome: Promise<ActionOutcome>): void {
    const started_ms = Date.now();
    const bytes = delivery.message.payload.length;
    const is_placeless = gathering.enter(bytes);
    const onEnd = (ended: ActionOutcome): void => {
      this.attempts.record(delivery, index, ended, started_ms);
      if (!is_placeless) {
        this.runFrom(delivery, index + 1);
        return;
      }
      gathering.leave(bytes);
      if (delivery.states.indexOf(ACTION_TO_DO, index + 1) === -1) {
        this.decide(delivery);
        return;
      }
      delivery.resumes_at = index + 1;
      this.gate.enterLater(delivery);
    };
    outcome.then(onEnd, (error: unknown) => onEnd(permanentFault(error)));
    if (is_placeless) this.gate.leave(delivery);
  }

  private decide(delivery: Delivery): void {
    if (delivery.awaited !== null) this.noteLook(delivery, delivery.awaited);
    if (delivery.pause_ms < 0 && delivery.deferred_ms < 0) {
      if (delivery.failures !== null && delivery.failures.length > 0) {
        this.fail(delivery, delivery.failures.map((failure) => failure.error).join('; '));
      } else {
        this.succeed(delivery);
      }
      return;
    }
    const isQuick = delivery.runs < this.deps.limits.quick_runs && !delivery.mustPause && delivery.deferred_ms < 0;
    const pause_ms = isQuick
      ? Math.min(delivery.pause_ms, Math.random() * this.deps.limits.quick_pause_ms)
      : this.pauseOf(delivery);
    if (delivery.onFate) {
      this.hand(delivery, { kind: 'again', delay_ms: isQuick ? delivery.pause_ms : pause_ms });
      return;
    }
    delivery.moveTo('paused');
    delivery.next_try_at_ms = Date.now() + pause_ms;
    delivery.timer = setTimeout(() => {
      delivery.timer = null;
      this.resume(delivery);
    }, pause_ms);
    if (!isQuick) this.overflow?.offer(delivery);
  }

  /** It waited for a destination and was attempted now. What was refused permanently shows that somebody is there. */
  private noteLook(delivery: Delivery, awaited: DeliveryDeferral): void {
    delivery.awaited = null;
    if (delivery.deferral?.destination === awaited.destination) return;
    this.overflow?.looked(awaited, delivery.pause_ms < 0);
  }

  /** One that failed is retried in its own time; one that was only deferred waits with the others of its destination. */
  private pauseOf(delivery: Delivery): number {
    if (delivery.pause_ms >= 0) return delivery.pause_ms;
    return this.overflow?.park(delivery) ?? delivery.deferred_ms;
  }

  /** Its pause is over before its time. */
  resumeNow(delivery: Delivery): void {
    if (delivery.phase !== 'paused' || delivery.timer === null) return;
    clearTimeout(delivery.timer);
    delivery.timer = null;
    this.resume(delivery);
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
    const published_at_ms = publishedAtMs(delivery.message.properties.user_properties);
    if (published_at_ms !== null) this.deps.end_to_end.record(now_ms - published_at_ms, now_ms);
    this.tell(delivery, 'succeeded');
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
      this.tell(delivery, 'dead');
      this.hand(delivery, { kind: 'dead', reason: delivery.dead_reason });
      return;
    }
    if (this.overflow) {
      delivery.moveTo('dying');
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
    this.tell(delivery, 'failed');
    this.deps.onDropped(delivery);
    this.close(delivery, 'ended');
  }

  /** A delivery from the queue goes back to the worker that has it. */
  private hand(delivery: Delivery, fate: QueuedFate): void {
    if (fate.kind === 'again') {
      this.deps.counters.deliveries_queued += 1;
      this.tell(delivery, 'queued');
    }
    this.close(delivery, 'ended');
    delivery.onFate?.(fate);
  }

  /** The end of a delivery here, once: false when it has ended before. */
  private close(delivery: Delivery, phase: 'ended' | 'left'): boolean {
    if (!delivery.moveTo(phase)) return false;
    if (delivery.timer) {
      clearTimeout(delivery.timer);
      delivery.timer = null;
    }
    this.in_flight -= 1;
    this.gate.forget(delivery);
    delivery.release();
    this.leaveLane(delivery);
    if (this.in_flight === 0 && this.isStopping) for (const resolve of this.idle.splice(0)) resolve();
    return true;
  }

  /** Lets the next of its ordering key run. */
  private leaveLane(delivery: Delivery): void {
    const next = leaveLane(delivery);
    if (next) this.gate.enterLater(next);
  }
}

function permanentFault(error: unknown): ActionOutcome {
  return { kind: 'failed', permanent: true, error: error instanceof Error ? error.message : String(error) };
}
