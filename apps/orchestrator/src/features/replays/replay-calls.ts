import { ActionFault, actionDeliveryId, callWebhook, type HttpSender, toActionFault } from '@cortex-mqtt/actions';
import { createEnvelope, createSharedPayload, type ExpressionEngine, messageExtras } from '@cortex-mqtt/expressions';
import { identityOf } from '@cortex-mqtt/messages';
import type { StoredMessage } from '../messages/stored-message';
import { newIdentity } from './replay-identity';
import type { ReplayEntity } from './replay.entity';
import { formatOf } from './replay-sample';

/** Milliseconds that a call may take: a turn has to end within the lease of its replay. */
const TIMEOUT_MS = 4_000;
/** Turns in a row in which a message may fail for now, until it counts as failed. */
const TURNS = 5;

export interface CallOutcome {
  message: StoredMessage;
  outcome: 'succeeded' | 'failed';
  error: string | null;
}

/** Sends recorded messages to another webhook, from the orchestrator and under its egress policy. */
export class ReplayCalls {
  /** The message at which each replay is held up, and for how many turns. */
  private readonly held = new Map<string, { message_id: string; turns: number }>();

  constructor(private readonly deps: { http: HttpSender; engine: ExpressionEngine }) {}

  /**
   * Calls for all of them at once. Gives the outcomes up to the first message whose call may succeed later, which is called again in the
   * next turn, as are those behind it: under the same ids.
   */
  async call(replay: ReplayEntity, messages: readonly StoredMessage[]): Promise<CallOutcome[]> {
    const faults = await Promise.all(messages.map((message) => this.one(replay, message)));
    const outcomes: CallOutcome[] = [];
    for (const [index, message] of messages.entries()) {
      const fault = faults[index] ?? null;
      if (fault !== null && !fault.permanent && this.isHeldUp(replay.id, message.id)) break;
      outcomes.push({ message, outcome: fault === null ? 'succeeded' : 'failed', error: fault?.message ?? null });
    }
    return outcomes;
  }

  stop(): Promise<void> {
    return this.deps.http.close();
  }

  private isHeldUp(id: string, message_id: string): boolean {
    const before = this.held.get(id);
    const turns = before?.message_id === message_id ? before.turns + 1 : 1;
    if (turns >= TURNS) {
      this.held.delete(id);
      return false;
    }
    this.held.set(id, { message_id, turns });
    return true;
  }

  /** null: it was taken. */
  private async one(replay: ReplayEntity, message: StoredMessage): Promise<ActionFault | null> {
    const { engine, http } = this.deps;
    const original = identityOf(message);
    const identity = replay.ids === 'original' ? original : newIdentity(original, replay.id);
    const { properties, broker, payload } = message;
    const raw = { bytes: payload, format: formatOf(payload) };
    const extras = messageExtras({
      broker: broker || null,
      properties: {
        user_properties: properties?.user_properties ?? {},
        content_type: properties?.content_type ?? null,
        response_topic: properties?.response_topic ?? null,
        correlation_data: properties?.correlation_data ?? null,
        message_expiry_s: properties?.message_expiry_s ?? null,
      },
    });
    const fields = {
      id: actionDeliveryId(identity, 0, replay.target.url ?? ''),
      product_id: replay.product_id,
      subscription_id: 0,
      topic: message.topic,
      params: {},
      qos: message.qos,
      retain: message.retain,
      duplicate: message.duplicate,
      user_properties: properties?.user_properties ?? {},
      received_at: message.received_at.toISOString(),
      ...extras,
      replay: { id: replay.id, received_at: new Date().toISOString() },
    };
    try {
      await callWebhook(
        { url: replay.target.url ?? '', timeout_ms: TIMEOUT_MS },
        { envelope: createEnvelope(fields, raw, createSharedPayload(raw)), engine },
        http,
      );
      return null;
    } catch (error) {
      return toActionFault(error);
    }
  }
}
