import { asProductId, type DeliveryJob, type DeliveryJobData, queueNames } from '@cortex-mqtt/contracts';
import { createTestDatabase, type Redis, startRedis, type TestDatabase, waitFor } from '@cortex-mqtt/testing';
import { createQueueBackend, type QueueBackend } from '../queue-backend';
import { silentQueueLogger } from '../queue-logger';
import { PermanentJobError } from '../typed-worker';
import { createDeliveryJournal, type DeliveryJournal } from './delivery-journal';
import { createDeliveryStore, type DeliveryStore } from './delivery-store';
import { payloadOf } from './stored-payload';

function buildData(overrides: Partial<DeliveryJobData> & { payload?: string } = {}): DeliveryJobData {
  const { payload = '{"n":1}', ...rest } = overrides;
  return {
    delivery_id: 'delivery',
    product_id: 1,
    subscription_id: 10,
    message: {
      message_id: 'm-1',
      topic: 'orders/created',
      payload_base64: Buffer.from(payload).toString('base64'),
      qos: 1,
      retain: false,
      duplicate: false,
      user_properties: {},
      content_type: null,
      received_at: '2026-01-01T00:00:00.000Z',
    },
    succeeded_actions: [],
    failed_actions: [],
    revision: 1,
    attempts_made: {},
    attempts: [],
    next_try_at: null,
    dead_reason: null,
    ordering: null,
    revived_at_ms: null,
    ...rest,
  };
}

describe.each(['redis', 'postgres'] as const)('the deliveries of a product in a %s queue', (kind) => {
  let redis: Redis | undefined;
  let database: TestDatabase | undefined;
  let backend: QueueBackend;
  let journal: DeliveryJournal;
  let store: DeliveryStore;
  let product = 0;
  let ran: DeliveryJobData[];

  beforeAll(async () => {
    if (kind === 'redis') redis = await startRedis();
    else database = await createTestDatabase();
    backend = createQueueBackend({ url: redis?.url ?? database?.url ?? '', logger: silentQueueLogger });
  });

  beforeEach(() => {
    product += 1;
    ran = [];
    journal = createDeliveryJournal({ backend, product_id: asProductId(product) });
    store = createDeliveryStore({ backend, product_id: asProductId(product) });
  });

  afterAll(async () => {
    await backend.close();
    await redis?.stop();
    await database?.drop();
  });

  /** Buries what is dead and notes what runs. */
  const work = async (action: () => Promise<void>): Promise<void> => {
    const worker = backend.worker<DeliveryJob>(
      queueNames.deliveries(asProductId(product)),
      {
        deliver: async (job) => {
          if (job.data.dead_reason !== null) throw new PermanentJobError(job.data.dead_reason);
          ran.push(job.data);
        },
      },
      { concurrency: 5 },
    );
    try {
      await action();
    } finally {
      await worker.close();
    }
  };

  const bury = async (
    letters: { id: string; reason: string; data?: Partial<DeliveryJobData> & { payload?: string } }[],
    in_all = letters.length,
  ) =>
    work(async () => {
      await journal.write(
        letters.map(({ id, reason, data }) => ({
          job_id: id,
          delay_ms: 0,
          data: buildData({ ...data, dead_reason: reason }),
        })),
      );
      await waitFor(async () => (await store.counts()).dead === in_all);
    });

  it('holds a leased delivery until its lease runs out', async () => {
    await work(async () => {
      await journal.write([{ job_id: 'd-leased', delay_ms: 60_000, data: buildData() }]);
      expect(await store.counts()).toEqual({ waiting: 1, active: 0, dead: 0 });
      expect(await journal.renew(['d-leased', 'd-unknown'], 50)).toEqual(['d-unknown']);
      await waitFor(() => ran.length === 1);
    });
    await waitFor(async () => (await journal.depth()) === 0);
  });

  it('takes away what has succeeded', async () => {
    await journal.write([
      { job_id: 'd-1', delay_ms: 60_000, data: buildData() },
      { job_id: 'd-2', delay_ms: 60_000, data: buildData() },
    ]);
    await journal.remove(['d-1', 'd-gone']);
    expect((await store.listWaiting({})).items.map((item) => item.id)).toEqual(['d-2']);
  });

  it('reschedules with what has been tried, and says so when the delivery is gone', async () => {
    await journal.write([{ job_id: 'd-1', delay_ms: 60_000, data: buildData() }]);
    const data = buildData({ succeeded_actions: ['a1'], next_try_at: '2026-01-01T01:00:00.000Z' });
    expect(await journal.reschedule({ job_id: 'd-1', delay_ms: 3_600_000, data })).toBe(true);
    expect(await journal.reschedule({ job_id: 'd-gone', delay_ms: 1_000, data })).toBe(false);
    expect(await store.getDelivery('d-1')).toMatchObject({
      state: 'waiting',
      succeeded_actions: ['a1'],
      next_try_at: '2026-01-01T01:00:00.000Z',
    });
  });

  it('lists dead letters newest first, in pages, and by subscription, error and time', async () => {
    await bury([
      { id: 'd-1', reason: 'HTTP 410 Gone', data: { subscription_id: 10 } },
      { id: 'd-2', reason: 'not JSON', data: { subscription_id: 11 } },
      { id: 'd-3', reason: 'http 404', data: { subscription_id: 11 } },
    ]);
    const page = await store.listDeadLetters({ page: 1, page_size: 2 });
    expect(page).toMatchObject({ total: 3, complete: true });
    expect(page.items).toHaveLength(2);
    expect((await store.listDeadLetters({ page: 2, page_size: 2 })).items).toHaveLength(1);
    const ids = async (filter: Parameters<DeliveryStore['listDeadLetters']>[0]): Promise<string[]> =>
      (await store.listDeadLetters(filter)).items.map((item) => item.id).sort();
    expect(await ids({ subscription_id: 11 })).toEqual(['d-2', 'd-3']);
    expect(await ids({ error: 'http' })).toEqual(['d-1', 'd-3']);
    expect(await ids({ subscription_id: 11, error: 'http' })).toEqual(['d-3']);
    expect(await ids({ to: new Date(Date.now() - 3_600_000) })).toEqual([]);
    expect(await ids({ from: new Date(Date.now() - 3_600_000) })).toHaveLength(3);
  });

  it('shows a dead letter with its message, error and attempts', async () => {
    const attempt = {
      at: '2026-01-01T00:00:00.000Z',
      action_id: 'a1',
      outcome: 'permanent',
      status: 410,
      error: 'HTTP 410',
      response_excerpt: 'gone',
      duration_ms: 3,
    } as const;
    await bury([{ id: 'd-1', reason: 'HTTP 410', data: { attempts: [attempt], attempts_made: { a1: 1 } } }]);
    expect(await store.getDelivery('d-1')).toMatchObject({
      id: 'd-1',
      state: 'dead',
      error: 'HTTP 410',
      topic: 'orders/created',
      attempts: [attempt],
      attempts_made: 1,
      payload_bytes: 7,
    });
    expect(await store.getDelivery('d-unknown')).toBeNull();
  });

  it('tries a dead letter again with its counts reset, also with another payload', async () => {
    await bury([
      { id: 'd-1', reason: 'x', data: { attempts_made: { a1: 9 }, failed_actions: [{ action_id: 'a1', error: 'x' }] } },
      { id: 'd-2', reason: 'x' },
    ]);
    expect(await store.retry('d-1')).toBe(true);
    expect(await store.retryEdited('d-2', Buffer.from('{"n":2}'))).toBe(true);
    expect(await store.retry('d-unknown')).toBe(false);
    await work(async () => {
      await waitFor(() => ran.length === 2);
    });
    const payloads = ran.map((data) => payloadOf(data.message).toString()).sort();
    expect(payloads).toEqual(['{"n":1}', '{"n":2}']);
    for (const data of ran) {
      expect(data).toMatchObject({ dead_reason: null, failed_actions: [], attempts_made: {} });
      expect(data.revived_at_ms).not.toBeNull();
    }
    expect((await store.counts()).dead).toBe(0);
  });

  it('retries and purges all that match, and tells how far it is', async () => {
    const letters = Array.from({ length: 250 }, (_, index) => ({
      id: `d-${index}`,
      reason: index % 2 === 0 ? 'even' : 'odd',
    }));
    await bury(letters);
    const seen: number[] = [];
    const purged = await store.purge({ error: 'odd' }, { onProgress: ({ done }) => seen.push(done) });
    expect(purged).toEqual({ matched: 125, done: 125, skipped: 0, failures: [] });
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(125);
    expect(await store.retryMatching({})).toEqual({ matched: 125, done: 125, skipped: 0, failures: [] });
    await work(async () => {
      await waitFor(() => ran.length === 125);
    });
    expect(await store.counts()).toMatchObject({ dead: 0 });
  });

  it('purges and retries only what has been dead since it was asked for, and says what it left and why', async () => {
    await bury(['d-1', 'd-2', 'd-3'].map((id) => ({ id, reason: 'HTTP 410' })));
    const retried: Promise<boolean>[] = [];
    const onProgress = (): void => {
      // Between its list and their turn one of them is retried: it waits in the queue now.
      if (retried.length === 0) retried.push(store.retry('d-2'));
    };
    // As many before it as are worked on at once.
    await bury(
      Array.from({ length: 60 }, (_, n) => ({ id: `d-z${n}`, reason: 'HTTP 410' })),
      63,
    );
    const purged = await store.purge({}, { onProgress });
    expect(await retried[0]).toBe(true);
    expect(purged).toMatchObject({ matched: 63, done: 62, skipped: 1 });
    expect(purged.failures).toEqual([
      { reason: expect.stringContaining('no dead letter any more'), count: 1, delivery_ids: ['d-2'] },
    ]);
    expect(await store.counts()).toMatchObject({ waiting: 1 });
    const asked_at = new Date();
    await bury([{ id: 'd-4', reason: 'HTTP 410' }], 1);
    expect(await store.purge({ to: asked_at })).toMatchObject({ matched: 0 });
    expect(await store.counts()).toMatchObject({ dead: 1 });
  });
});
