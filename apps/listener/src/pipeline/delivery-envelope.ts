import { actionDeliveryId } from '@cortex-mqtt/actions';
import type { EnvelopeExtras, ListenerSubscription, MessageEnvelope } from '@cortex-mqtt/contracts';
import { LazyEnvelope, messageExtras, type SharedPayload } from '@cortex-mqtt/expressions';
import { matchParams } from '@cortex-mqtt/mqtt';
import type { DeliveryView } from './compiled-plan';
import type { PipelineMessage } from './pipeline-message';

export const NO_PARAMS: Record<string, string> = Object.freeze({});

/** What the envelopes of a plan have in common. */
export interface EnvelopeScope {
  product_id: number;
  /** A time in milliseconds since the epoch as ISO 8601 in UTC. */
  isoTime(at_ms: number): string;
}

/** As `Date.toISOString`. The times of one second differ in their last digits, and messages come many a second. */
export function createIsoTime(): EnvelopeScope['isoTime'] {
  let second = Number.NaN;
  let beginning = '';
  return (at_ms) => {
    const of_at = Math.floor(at_ms / 1_000);
    if (of_at !== second) {
      second = of_at;
      beginning = new Date(of_at * 1_000).toISOString().slice(0, -4);
    }
    return `${beginning}${String(at_ms - of_at * 1_000).padStart(3, '0')}Z`;
  };
}

/** The envelope of a delivery for one of its actions. Hash, time and parameters are worked out for those who ask. */
export class DeliveryEnvelope extends LazyEnvelope {
  private readonly message: PipelineMessage;
  private own_id: string | null = null;
  private own_params: Record<string, string> | null = null;
  private own_extras: EnvelopeExtras | null = null;

  /** `action_id` null: for what is asked before the first action; its id is then empty. */
  constructor(
    private readonly delivery: DeliveryView,
    private readonly definition: ListenerSubscription,
    private readonly scope: EnvelopeScope,
    private readonly action_id: string | null,
  ) {
    super();
    this.message = delivery.message;
  }

  get shared(): SharedPayload {
    return this.delivery.payloadAs(this.definition.payload_format);
  }

  get id(): string {
    if (this.action_id === null) return '';
    this.own_id ??= actionDeliveryId(this.delivery.message_id, this.definition.id, this.action_id);
    return this.own_id;
  }

  get product_id(): number {
    return this.scope.product_id;
  }

  get subscription_id(): number {
    return this.definition.id;
  }

  get topic(): string {
    return this.message.topic;
  }

  get params(): Record<string, string> {
    const { topic_filter, wildcard_names } = this.definition;
    if (wildcard_names.length === 0) return NO_PARAMS;
    this.own_params ??= matchParams(topic_filter, wildcard_names, this.message.topic) ?? NO_PARAMS;
    return this.own_params;
  }

  get qos(): MessageEnvelope['qos'] {
    return this.message.qos;
  }

  get retain(): boolean {
    return this.message.retain;
  }

  get duplicate(): boolean {
    return this.message.duplicate;
  }

  get user_properties(): MessageEnvelope['user_properties'] {
    return this.message.properties.user_properties;
  }

  get received_at(): string {
    return this.scope.isoTime(this.message.received_at_ms);
  }

  get extras(): EnvelopeExtras {
    if (this.own_extras === null) {
      const { replay, received_at_ms } = this.message;
      const extras = messageExtras(this.message);
      // What is left now: it may have waited for a day.
      if (extras.message_expiry_s !== undefined) {
        const waited_s = Math.max(0, Math.floor((Date.now() - received_at_ms) / 1_000));
        extras.message_expiry_s = Math.max(0, extras.message_expiry_s - waited_s);
      }
      this.own_extras = replay ? { ...extras, replay } : extras;
    }
    return this.own_extras;
  }
}
