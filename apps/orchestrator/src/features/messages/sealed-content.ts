import { decodeSegment, expandSegment, type RecordedDelivery, type Segment } from '@cortex-mqtt/messages';
import { openBytes, sealBytes } from '@cortex-mqtt/secrets';

/** What a delivery has beside its outcome. */
export type OutcomeContent = Pick<RecordedDelivery, 'error' | 'attempts' | 'queue_id'>;

const segmentPlace = (product_id: number, id: string): string => `segment/${product_id}/${id}`;
const outcomePlace = (product_id: number, message_id: string, subscription_id: number): string =>
  `outcome/${product_id}/${message_id}/${subscription_id}`;
const topicPlace = (product_id: number, topic: string): string => `topic/${product_id}/${topic}`;

/** Seals and opens what the store keeps of one product; each piece opens only in its place. */
export class SealedContent {
  constructor(
    private readonly product_id: number,
    private readonly key: Buffer,
  ) {}

  sealSegment(id: string, compressed: Buffer): Buffer {
    return sealBytes(compressed, { key: this.key, place: segmentPlace(this.product_id, id) });
  }

  /** `expanded_bytes`: what it took in memory. */
  async openSegment(id: string, sealed: Buffer): Promise<{ segment: Segment; expanded_bytes: number }> {
    const bytes = await expandSegment(openBytes(sealed, { key: this.key, place: segmentPlace(this.product_id, id) }));
    return { segment: decodeSegment(bytes), expanded_bytes: bytes.length };
  }

  sealOutcome(message_id: string, delivery: RecordedDelivery): Buffer | null {
    if (delivery.error === null && delivery.attempts.length === 0 && delivery.queue_id === null) return null;
    const content: OutcomeContent = { error: delivery.error, attempts: delivery.attempts, queue_id: delivery.queue_id };
    return sealBytes(Buffer.from(JSON.stringify(content)), {
      key: this.key,
      place: outcomePlace(this.product_id, message_id, delivery.subscription_id),
    });
  }

  openOutcome(message_id: string, subscription_id: number, sealed: Buffer | null): OutcomeContent {
    if (sealed === null) return { error: null, attempts: [], queue_id: null };
    const place = outcomePlace(this.product_id, message_id, subscription_id);
    return JSON.parse(openBytes(sealed, { key: this.key, place }).toString('utf8')) as OutcomeContent;
  }

  sealValue(topic: string, value: Buffer): Buffer {
    return sealBytes(value, { key: this.key, place: topicPlace(this.product_id, topic) });
  }

  openValue(topic: string, sealed: Buffer): Buffer {
    return openBytes(sealed, { key: this.key, place: topicPlace(this.product_id, topic) });
  }
}
