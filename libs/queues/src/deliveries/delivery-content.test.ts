import type { DeliveryJobData } from '@cortex-mqtt/contracts';
import { cleanJobData, writeTolerantly } from './delivery-content';

const data: DeliveryJobData = {
  delivery_id: 'd',
  product_id: 1,
  subscription_id: 2,
  message: {
    message_id: 'm',
    topic: 't',
    payload_base64: 'AAAA',
    qos: 1,
    retain: false,
    duplicate: false,
    user_properties: { k: 'v' },
    content_type: 'text/plain',
    received_at: '2030-01-01T00:00:00.000Z',
  },
  succeeded_actions: [],
  failed_actions: [{ action_id: 'a', error: 'x\u0000' }],
  revision: 1,
  attempts_made: { a: 3 },
  attempts: [],
  next_try_at: null,
  dead_reason: 'because\ud800',
  ordering: { key: 'k\u0000', sequence: 5 },
  revived_at_ms: null,
};
const refusal = Object.assign(new Error('unsupported Unicode escape sequence'), { code: '22P05' });

it('cleans every text but the payload', () => {
  const cleaned = cleanJobData(data);
  expect(cleaned).toMatchObject({ dead_reason: 'because\ufffd', ordering: { key: 'k\ufffd', sequence: 5 } });
  expect(cleaned.message.payload_base64).toBe(data.message.payload_base64);
});

it('writes what is refused once more without what can be at fault, and says so', async () => {
  const written: DeliveryJobData[] = [];
  const reduced: unknown[] = [];
  await writeTolerantly(
    data,
    async (attempt) => {
      if (Object.keys(attempt.message.user_properties).length > 0) throw refusal;
      written.push(attempt);
    },
    (error) => reduced.push(error),
  );
  expect(reduced).toEqual([refusal]);
  expect(written).toMatchObject([{ message: { topic: 't', payload_base64: 'AAAA' }, attempts_made: { a: 3 } }]);
  expect(written[0]?.dead_reason).toMatch(/left out/);
});

it('lets every other fault through at once', async () => {
  let writes = 0;
  const write = async (): Promise<void> => {
    writes += 1;
    throw new Error('connection is closed');
  };
  await expect(writeTolerantly(data, write)).rejects.toThrow('connection is closed');
  expect(writes).toBe(1);
});
