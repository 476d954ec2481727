import type { DeliveryAttempt, DeliveryDeferral, PayloadFormat } from '@cortex-mqtt/contracts';
import { createSharedPayload, type SharedPayload } from '@cortex-mqtt/expressions';
import type { DeliveryTrace } from '../tracing/delivery-trace';
import type { CompiledSubscription, DeliveryView } from './compiled-plan';
import { type DeliveryPhase, type JournalState, mayMove } from './delivery-state';
import type { MessageRecord, RecordedEvent } from './message-record';
import type { PipelineMessage } from './pipeline-message';
import type { SubscriptionRuntime } from './subscription-runtime';
import type { InLine } from './waiting-line';

/** State of one action within a delivery. */
export const ACTION_TO_DO = 0;
export const ACTION_SUCCEEDED = 1;
export const ACTION_GIVEN_UP = 2;

/** One received message and how many of its deliveries still hold its acknowledgement. */
export class MessageSlot {
  private identity: string | null = null;
  /** In the first format that was asked for, mostly the only one. */
  private payload: SharedPayload | null = null;
  private other_payloads: SharedPayload[] | null = null;

  constructor(
    readonly message: PipelineMessage,
    private pending: number,
    private readonly identify: (message: PipelineMessage, record_id: string | null) => string,
    readonly record: MessageRecord | null = null,
    /** Hears of a message that is settled after it was identified. */
    private readonly onSettled: ((message: PipelineMessage) => void) | null = null,
  ) {}

  get message_id(): string {
    this.identity ??= this.identify(this.message, this.record?.id ?? null);
    return this.identity;
  }

  payloadAs(format: PayloadFormat): SharedPayload {
    if (this.payload?.raw.format === format) return this.payload;
    const other = this.other_payloads?.find(({ raw }) => raw.format === format);
    if (other) return other;
    const made = createSharedPayload({ bytes: this.message.payload, format });
    if (this.payload === null) this.payload = made;
    else this.other_payloads = [...(this.other_payloads ?? []), made];
    return made;
  }

  /** Something else, too, has to end before the broker may forget the message; it calls `release`. */
  hold(): void {
    this.pending += 1;
  }

  /** One delivery has ended or is held durably; the last one lets the broker forget the message. */
  release(): void {
    this.pending -= 1;
    if (this.pending > 0) return;
    this.message.settle();
    if (this.identity !== null) this.onSettled?.(this.message);
  }
}

/** What a queue worker hears of a delivery that it has had run. */
export type QueuedFate = { kind: 'done' } | { kind: 'again'; delay_ms: number } | { kind: 'dead'; reason: string };

/** One message through one subscription, from its admission to its end. */
export class Delivery implements DeliveryView, InLine<Delivery> {
  private current: DeliveryPhase = 'new';
  journal: JournalState = 'none';
  job_id: string | null = null;
  lease_until_ms = 0;
  /** To be left to the queue; else only leased. */
  isOffered = false;
  /** The broker need not hold the message for this delivery any more. */
  isReleased = false;
  states: number[];
  attempts_made: number[] | null = null;
  attempts: DeliveryAttempt[] | null = null;
  failures: { action_id: string; error: string }[] | null = null;
  /** Runs in this process. */
  runs = 0;
  /** The action that this run continues with once it has a place again; 0 = a run begins. */
  resumes_at = 0;
  /** Longest pause that the failures of this run ask for; -1 = none. */
  pause_ms = -1;
  /** A destination has asked for a pause: no quick try. */
  mustPause = false;
  /** It was not attempted since the breaker of this destination is open. */
  deferral: DeliveryDeferral | null = null;
  /** What it was deferred for before this run. */
  awaited: DeliveryDeferral | null = null;
  /** Pause that a deferral of this run asks for; -1 = there was none. */
  deferred_ms = -1;
  next_try_at_ms = 0;
  timer: NodeJS.Timeout | null = null;
  dead_reason: string | null = null;
  ordering_key: string | null = null;
  own_message_id: string | null = null;
  trace: DeliveryTrace | null = null;
  /** The only attempt of a delivery that succeeded at once. */
  quick: { began_ms: number; ended_ms: number; status: number | null } | null = null;
  /** How it ended, as far as the recorder has heard. */
  recorded_as: RecordedEvent | null = null;
  /** Set for a delivery that came from the queue. */
  onFate: ((fate: QueuedFate) => void) | null = null;
  /** Neighbours among those watched for the handover. */
  previous: Delivery | null = null;
  next: Delivery | null = null;
  isWatched = false;
  /** Neighbours among those that wait for a place. */
  isInLine = false;
  ahead: Delivery | null = null;
  behind: Delivery | null = null;

  constructor(
    readonly slot: MessageSlot,
    readonly subscription: CompiledSubscription,
    readonly runtime: SubscriptionRuntime<Delivery>,
    readonly sequence: number,
  ) {
    this.states = subscription.actions.length === 1 ? [ACTION_TO_DO] : subscription.actions.map(() => ACTION_TO_DO);
  }

  get phase(): DeliveryPhase {
    return this.current;
  }

  /** The only way to change the phase; false, and nothing happens, where no way leads from here to there. */
  moveTo(phase: DeliveryPhase): boolean {
    if (!mayMove(this.current, phase)) return false;
    this.current = phase;
    return true;
  }

  get message(): PipelineMessage {
    return this.slot.message;
  }

  get record(): MessageRecord | null {
    return this.slot.record;
  }

  get message_id(): string {
    return this.own_message_id ?? this.slot.message_id;
  }

  payloadAs(format: PayloadFormat): SharedPayload {
    return this.slot.payloadAs(format);
  }

  attemptsOf(action_id: string): number {
    if (!this.attempts_made) return 0;
    return this.attempts_made[this.subscription.actions.findIndex((action) => action.id === action_id)] ?? 0;
  }

  /** The action is not retried. */
  giveUp(index: number, failure: { action_id: string; error: string }): void {
    this.states[index] = ACTION_GIVEN_UP;
    this.failures ??= [];
    this.failures.push(failure);
  }

  get isOver(): boolean {
    return this.current === 'ended' || this.current === 'left';
  }

  /** Lets go of the message's acknowledgement, once. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.slot.release();
  }
}
