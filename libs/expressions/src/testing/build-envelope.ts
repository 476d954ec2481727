import type { MessageEnvelope, PayloadFormat } from '@cortex-mqtt/contracts';
import { createEnvelope, type EnvelopeFields } from '../envelope';

/** An envelope over a payload as text. */
export function buildEnvelope({
  payload = '{}',
  format = 'json',
  ...fields
}: Partial<EnvelopeFields> & { payload?: string | Buffer; format?: PayloadFormat } = {}): MessageEnvelope {
  return createEnvelope(
    {
      id: 'msg_1',
      product_id: 1,
      subscription_id: 2,
      topic: 'orders/7/created',
      params: { order: '7' },
      qos: 1,
      retain: false,
      duplicate: false,
      user_properties: {},
      received_at: '2026-01-02T03:04:05.678Z',
      ...fields,
    },
    { bytes: Buffer.from(payload), format },
  );
}
