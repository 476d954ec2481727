import type { ListenerSubscription, PayloadFormat } from '@cortex-mqtt/contracts';
import type { SharedPayload } from '@cortex-mqtt/expressions';
import type { DeliveryTrace } from '../tracing/delivery-trace';
import type { PipelineMessage } from './pipeline-message';

/** How one run of one action ended. */
export type ActionOutcome =
  | {
      kind: 'succeeded';
      status?: number | null;
      response_excerpt?: string | null;
      /** When what it was sent with was begun, milliseconds since the epoch; absent: at once. */
      began_ms?: number;
    }
  /** Its `when` was false: counts as done, not as executed. */
  | { kind: 'skipped' }
  | {
      kind: 'failed';
      error: string;
      /** Never try again. */
      permanent: boolean;
      status?: number | null;
      response_excerpt?: string | null;
      /** The destination asked for this pause (`Retry-After`), milliseconds. */
      retry_after_ms?: number | null;
      began_ms?: number;
    }
  /** The destination's breaker is open: not attempted, counts as no attempt. */
  | { kind: 'deferred'; error: string; retry_after_ms: number; destination?: string };

export const SUCCEEDED: ActionOutcome = Object.freeze({ kind: 'succeeded' });
export const SKIPPED: ActionOutcome = Object.freeze({ kind: 'skipped' });

export interface RetrySettings {
  max_attempts?: number;
  base_delay_ms?: number;
  max_delay_ms?: number;
}

/** One message for one subscription, as filters and actions see it. */
export interface DeliveryView {
  readonly message: PipelineMessage;
  readonly subscription: CompiledSubscription;
  /** Identity of the message: what it carries, else made on receipt. */
  readonly message_id: string;
  /** The payload, decoded once for all deliveries of the message that read it in this format. */
  payloadAs(format: PayloadFormat): SharedPayload;
  /** null = nothing is traced. */
  readonly trace: DeliveryTrace | null;
  /** Times the action has been tried before. */
  attemptsOf(action_id: string): number;
}

/** Deliveries that are sent together need none of the places of those that run at once, within a bound of its own. */
export interface Gathering {
  /** False: it has no room for one of so many bytes, which then keeps its place. */
  enter(bytes: number): boolean;
  leave(bytes: number): void;
}

export interface CompiledAction {
  readonly id: string;
  readonly retry: RetrySettings;
  /** Where its deliveries wait for others to be sent with; absent or null = each is sent by itself. */
  readonly gathering?: Gathering | null;
  /** Never rejects for what a destination does. An exception counts as a permanent fault. */
  run(delivery: DeliveryView): ActionOutcome | Promise<ActionOutcome>;
}

/** A subscription with everything that can be worked out before the first message. */
export interface CompiledSubscription {
  readonly id: number;
  readonly definition: ListenerSubscription;
  readonly revision: number;
  /** Deliveries at once; null = as the process has it. */
  readonly concurrency: number | null;
  /** Milliseconds that its deliveries may wait to be sent with others; absent = none. */
  readonly gathering_ms?: number;
  /** null = every message. An exception is a permanent fault. */
  readonly filter: ((delivery: DeliveryView) => boolean | Promise<boolean>) | null;
  /** null = no order. */
  readonly orderingKey: ((delivery: DeliveryView) => string | Promise<string>) | null;
  /** Replaces the message's own identity; null = none configured. */
  readonly messageKey: ((message: DeliveryView) => string | null | Promise<string | null>) | null;
  readonly actions: readonly CompiledAction[];
  /** Belongs to the pipeline, which sets it at the first message. Looking it up for each would cost more than most actions. */
  runtime: object | null;
}

/** Everything of one revision. */
export interface CompiledPlan {
  readonly revision: number;
  readonly handover_after_ms: number;
  subscription(id: number): CompiledSubscription | undefined;
  /** The subscriptions of a message, each once. The array is read at once and not kept. */
  route(message: PipelineMessage): readonly CompiledSubscription[];
}

/** Sets the ordering of a subscription that orders by topic, which needs no expression. */
export const orderByTopic = (delivery: DeliveryView): string => delivery.message.topic;
