import { asProductId, type DeliveryJob, type DeliveryJobData, queueNames } from '@cortex-mqtt/contracts';
import { createTestDatabase, type Redis, startRedis, type TestDatabase, waitFor } from '@cortex-mqtt/testing';
import { createQueueBackend, type QueueBackend } from '../queue-backend';
import { silentQueueLogger } from '../queue-logger';
import { PermanentJobError } from '../typed-worker';
import { DeadLetterBound, type DeadLetterLimits } from './dead-letter-bound';
import { createDeliveryJournal } from './delivery-journal';
import { createDeliveryStore } from './delivery-store';

function buildData(payload_bytes: number): DeliveryJobData {
  // Random, so that no store makes it smaller.
  const payload = Buffer.from(Array.from({ length: payload_bytes }, () => Math.floor(Math.random() * 256)));
  return {
    delivery_id: 'd',
    product_id: 1,
    subscription_id: 1,
    message: {
      message_id: 'm',
      topic: 't',
      payload_base64: payload.toString('base64'),
      qos: 1,
      retain: false,
      duplicate: false,
      user_properties: {},
      content_type: null,
      received_at: '2030-01-01T00:00:00.000Z',
    } as DeliveryJobData['message'],
    succeeded_actions: [],
    failed_actions: [],
    revision: 1,
    attempts_made: {},
    attempts: [],
    next_try_at: null,
    dead_reason: 'HTTP 410',
    ordering: null,
    revived_at_ms: null,
  };
}

describe.each(['redis', 'postgres'] as const)('dead letters in a %s queue', (kind) => {
  let redis: Redis | undefined;
  let database: TestDatabase | undefined;
  let backend: QueueBackend;
  let product_id = 0;

  beforeAll(async () => {
    if (kind === 'redis') redis = await startRedis();
    else database = await createTestDatabase();
    backend = createQueueBackend({ url: redis?.url ?? database?.url ?? '', logger: silentQueueLogger });
  });
  beforeEach(() => {
    product_id += 1;
  });
  afterAll(async () => {
    await backend.close();
    await redis?.stop();
    await database?.drop();
  });

  const bury = async (ids: string[], payload_bytes = 10): Promise<void> => {
    const product = asProductId(product_id);
    const before = (await createDeliveryStore({ backend, product_id: product }).counts()).dead;
    await createDeliveryJournal({ backend, product_id: product }).write(
      ids.map((job_id) => ({ job_id, delay_ms: 0, data: buildData(payload_bytes) })),
    );
    const worker = backend.worker<DeliveryJob>(queueNames.deliveries(product), {
      deliver: async ({ data }) => {
        throw new PermanentJobError(data.dead_reason ?? '');
      },
    });
    const store = createDeliveryStore({ backend, product_id: product });
    await waitFor(async () => (await store.counts()).dead === before + ids.length);
    await worker.close();
  };
  const bound = (limits: Partial<DeadLetterLimits>): DeadLetterBound =>
    new DeadLetterBound({
      backend,
      product_id,
      limits: { max: 1_000, max_bytes: 1_000_000, when_full: 'drop_oldest', ...limits },
      logger: silentQueueLogger,
    });
  const left = async (): Promise<string[]> =>
    (await createDeliveryStore({ backend, product_id: asProductId(product_id) }).listDeadLetters({})).items.map(
      ({ id }) => id,
    );

  it('are reported when they are nearly at their bound, in number and in bytes', async () => {
    await bury(['d-1', 'd-2', 'd-3', 'd-4']);
    const far = bound({});
    const near = bound({ max: 5 });
    const sizes = await backend.failedSizes(queueNames.deliveries(asProductId(product_id)));
    const heavy = bound({ max_bytes: Math.ceil(sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 0.9) });
    for (const each of [far, near, heavy]) await each.look();
    for (const each of [far, near, heavy]) each.stop();
    expect(far.warnings()).toEqual([]);
    expect(near.warnings()).toMatchObject([
      { code: 'DEAD_LETTERS_NEARLY_FULL', message: expect.stringContaining('4 of 5 dead letters') },
    ]);
    expect(heavy.warnings()).toHaveLength(1);
    expect(await left()).toHaveLength(4);
  });

  it('beyond their bound lose the oldest, which is counted', async () => {
    await bury(['d-old-1', 'd-old-2'], 20_000);
    await bury(['d-new-1', 'd-new-2'], 20_000);
    const kept = bound({ max_bytes: 70_000 });
    await kept.look();
    kept.stop();
    expect((await left()).sort()).toEqual(['d-new-1', 'd-new-2']);
    expect(kept.read()).toMatchObject({ count: 2, dropped: 2 });
    expect(kept.warnings()[0]?.message).toContain('2 had to be dropped');
  });

  it('beyond their bound are held where that is chosen', async () => {
    await bury(['d-1', 'd-2']);
    const held = bound({ max: 2, when_full: 'hold' });
    expect(held.isHolding).toBe(false);
    await held.look();
    held.stop();
    expect(held.isHolding).toBe(true);
    expect(await left()).toHaveLength(2);
  });
});
