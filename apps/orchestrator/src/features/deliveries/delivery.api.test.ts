import { asProductId, type DeliveryJob, type DeliveryJobData, queueNames } from '@cortex-mqtt/contracts';
import {
  createDeliveryJournal,
  createQueueBackend,
  payloadOf,
  PermanentJobError,
  QueueUnavailableError,
  silentQueueLogger,
  type TypedWorker,
} from '@cortex-mqtt/queues';
import { freePort, waitFor } from '@cortex-mqtt/testing';
import { startOperationWorker } from '../../jobs/operation.worker';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';
import { DeliveryService } from './delivery.service';

const DEFERRAL = { destination: 'https://away.example', reason: 'left alone', looks: false };

function buildDelivery(product_id: number, overrides: Partial<DeliveryJobData> = {}): DeliveryJobData {
  return {
    delivery_id: 'message/subscription',
    product_id,
    subscription_id: 1,
    message: {
      message_id: 'm-1',
      topic: 'orders/created',
      payload_base64: Buffer.from('{"n":1}').toString('base64'),
      qos: 1,
      retain: false,
      duplicate: false,
      user_properties: {},
      content_type: null,
      received_at: '2030-01-01T00:00:00.000Z',
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
    ...overrides,
  };
}

describe('deliveries over REST', () => {
  let app: TestApp;
  let product_id: number;
  let base: string;
  let viewer: Client;
  let operator: Client;
  let operations: TypedWorker;

  beforeAll(async () => {
    app = await buildTestApp();
    viewer = await app.client('viewer');
    operations = startOperationWorker({ queues: app.queues, operations: app.features.operations });
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    operator = await app.client('operator', [product_id]);
    base = `/api/v1/products/${product_id}`;
  });
  afterAll(async () => {
    await operations.close();
    await app.close();
  });

  const write = (entries: { id: string; delay_ms?: number; data?: Partial<DeliveryJobData> }[]): Promise<void> =>
    createDeliveryJournal({ backend: app.queues, product_id: asProductId(product_id) }).write(
      entries.map(({ id, delay_ms = 0, data }) => ({ job_id: id, delay_ms, data: buildDelivery(product_id, data) })),
    );

  /** Works the queue as a listener would, until `isOver`: what has a reason to be dead is buried. */
  const work = async (isOver: (ran: DeliveryJobData[]) => boolean | Promise<boolean>): Promise<DeliveryJobData[]> => {
    const ran: DeliveryJobData[] = [];
    const worker = app.queues.worker<DeliveryJob>(queueNames.deliveries(asProductId(product_id)), {
      deliver: async ({ data }) => {
        if (data.dead_reason !== null) throw new PermanentJobError(data.dead_reason);
        ran.push(data);
      },
    });
    await waitFor(() => isOver(ran));
    await worker.close();
    return ran;
  };

  const dead = async (): Promise<number> => (await viewer('get', `${base}/deliveries/counts`).expect(200)).body.dead;

  const bury = async (letters: { id: string; reason: string; subscription_id?: number }[]): Promise<void> => {
    await write(
      letters.map(({ id, reason, subscription_id = 1 }) => ({ id, data: { dead_reason: reason, subscription_id } })),
    );
    await work(async () => (await dead()) === letters.length);
  };

  const ids = async (query = ''): Promise<string[]> => {
    const { body } = await viewer('get', `${base}/deliveries${query}`).expect(200);
    return body.items.map((item: { id: string }) => item.id).sort();
  };

  const finished = async (id: string) =>
    waitFor(async () => {
      const { body } = await viewer('get', `${base}/operations/${id}`).expect(200);
      return (body.state === 'finished' || body.state === 'failed') && body;
    });

  const audits = async (): Promise<string[]> => {
    const { body } = await viewer('get', `${base}/audit-logs`).expect(200);
    return body.items.map((item: { action: string }) => item.action);
  };

  it('makes a product with dead letters one of the problems of the overview', async () => {
    await bury([
      { id: 'first', reason: 'HTTP 404' },
      { id: 'second', reason: 'HTTP 404' },
    ]);
    const quiet = await app.product({ name: 'A quiet one', enabled: false });
    await operator('patch', base).send({ enabled: false, name: 'B with letters' }).expect(200);
    const overview = async () => (await viewer('get', '/api/v1/overview').expect(200)).body.items;
    // The counts are of a few seconds ago: the answer to the product's creation has asked for them already.
    await waitFor(async () => (await overview()).some((item: { dead_letters: number }) => item.dead_letters > 0));
    expect(await overview()).toMatchObject([
      { product_id, dead_letters: 2 },
      { product_id: quiet.id, dead_letters: 0 },
    ]);
  });

  it('lists dead letters by subscription, error and page', async () => {
    await bury([
      { id: 'd-1', reason: 'HTTP 404' },
      { id: 'd-2', reason: 'not JSON', subscription_id: 2 },
      { id: 'd-3', reason: 'http 410' },
    ]);
    expect(await ids()).toEqual(['d-1', 'd-2', 'd-3']);
    expect(await ids('?error=HTTP')).toEqual(['d-1', 'd-3']);
    expect(await ids('?subscription_id=2')).toEqual(['d-2']);
    expect(await ids('?to=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await ids('?page_size=2')).toHaveLength(2);
    await viewer('get', `${base}/deliveries?state=lost`).expect(400);
  });

  it('tells those in a pause from those that a listener is at', async () => {
    await write([
      { id: 'd-leased', delay_ms: 60_000 },
      { id: 'd-paused', delay_ms: 60_000, data: { next_try_at: '2030-01-01T00:00:00.000Z', deferral: DEFERRAL } },
    ]);
    expect(await ids('?state=in_flight')).toEqual(['d-leased']);
    expect(await ids('?state=retrying')).toEqual(['d-paused']);
    const { body } = await viewer('get', `${base}/deliveries/d-paused`).expect(200);
    expect(body.deferral).toEqual({ destination: 'https://away.example', reason: 'left alone' });
    expect((await viewer('get', `${base}/deliveries/d-leased`).expect(200)).body.deferral).toBeNull();
    expect(await ids()).toEqual([]);
  });

  it('shows a delivery with its message and attempts', async () => {
    const attempt = {
      at: '2030-01-01T00:00:01.000Z',
      action_id: 'a1',
      outcome: 'failed' as const,
      status: 500,
      error: 'HTTP 500',
      response_excerpt: 'oops',
      duration_ms: 12,
    };
    await write([{ id: 'd-1', delay_ms: 60_000, data: { attempts: [attempt], attempts_made: { a1: 1 } } }]);
    const { body } = await viewer('get', `${base}/deliveries/d-1`).expect(200);
    expect(body).toMatchObject({ id: 'd-1', payload_text: '{"n":1}', attempts: [attempt], attempts_made: 1 });
    await viewer('get', `${base}/deliveries/d-unknown`).expect(404);
    await viewer('get', '/api/v1/products/99999/deliveries/d-1').expect(404);
  });

  it('tries one again, as it is or edited, and says who did it', async () => {
    await bury([
      { id: 'd-1', reason: 'HTTP 404' },
      { id: 'd-2', reason: 'HTTP 404' },
    ]);
    await viewer('post', `${base}/deliveries/d-1/retry`).expect(403);
    await operator('post', `${base}/deliveries/d-1/retry`).expect(204);
    await operator('post', `${base}/deliveries/d-2/retry`)
      .send({ payload: '{"n":2}', payload_base64: 'AA==' })
      .expect(400);
    await operator('post', `${base}/deliveries/d-2/retry`).send({ payload: '{"n":2}' }).expect(204);
    const ran = await work((done) => done.length === 2);
    const payloads = ran.map((data) => payloadOf(data.message).toString());
    expect(payloads.sort()).toEqual(['{"n":1}', '{"n":2}']);
    await operator('post', `${base}/deliveries/d-1/retry`).expect(404);
    expect(await audits()).toEqual(['delivery.retry_edited', 'delivery.retry', 'product.create']);
  });

  it('deletes one', async () => {
    await bury([{ id: 'd-1', reason: 'HTTP 404' }]);
    await operator('delete', `${base}/deliveries/d-1`).expect(204);
    await operator('delete', `${base}/deliveries/d-1`).expect(404);
    expect(await dead()).toBe(0);
  });

  it('tries all that match again, in the background', async () => {
    await bury([
      { id: 'd-1', reason: 'HTTP 404' },
      { id: 'd-2', reason: 'not JSON' },
      { id: 'd-3', reason: 'HTTP 410' },
    ]);
    const { body, headers } = await operator('post', `${base}/deliveries/retry`).send({ error: 'http' }).expect(202);
    expect(headers.location).toBe(`${base}/operations/${body.id}`);
    expect(await finished(body.id)).toMatchObject({ state: 'finished', total: 2, done: 2, failed: 0 });
    expect(await work((done) => done.length === 2)).toHaveLength(2);
    expect(await ids()).toEqual(['d-2']);
    expect(await audits()).toContain('delivery.retry_all');
  });

  it('purges all that match, in the background, and only those that are dead by then', async () => {
    await bury([
      { id: 'd-1', reason: 'HTTP 404' },
      { id: 'd-2', reason: 'not JSON' },
    ]);
    const { body } = await operator('post', `${base}/deliveries/purge`).send({ error: 'JSON' }).expect(202);
    expect(await finished(body.id)).toMatchObject({ total: 1, done: 1, requested_by: expect.stringContaining('@') });
    expect(await ids()).toEqual(['d-1']);
    expect(Date.parse(body.filter.to)).toBeLessThanOrEqual(Date.parse(body.created_at) + 1_000);
    expect(await audits()).toContain('delivery.purge_all');
    await viewer('post', `${base}/deliveries/purge`).send({}).expect(403);
  });

  it('goes on with an operation whose orchestrator died, and does no finished one twice', async () => {
    await bury([{ id: 'd-1', reason: 'HTTP 404' }]);
    const { body } = await operator('post', `${base}/deliveries/purge`).send({ error: 'nothing' }).expect(202);
    await finished(body.id);
    await app.dataSource.query(
      `UPDATE operations SET state = 'running', done = 3, filter = '{}', finished_at = NULL WHERE id = $1`,
      [body.id],
    );
    await app.features.operations.run(body.id, undefined);
    expect(await finished(body.id)).toMatchObject({ state: 'finished', total: 4, done: 4 });
    await app.features.operations.run(body.id, undefined);
    expect(await finished(body.id)).toMatchObject({ done: 4 });
  });

  it('ends an operation whose every run fails, and one whose job is gone, and says why', async () => {
    await bury([{ id: 'd-1', reason: 'HTTP 404' }]);
    const { body } = await operator('post', `${base}/deliveries/purge`).send({ error: 'nothing' }).expect(202);
    await finished(body.id);
    const reopen = (updated_at: string): Promise<unknown> =>
      app.dataSource.query(
        `UPDATE operations SET state = 'running', finished_at = NULL, updated_at = ${updated_at} WHERE id = $1`,
        [body.id],
      );
    await reopen('now()');
    const away = new QueueUnavailableError('no answer from the queue', 'unknown');
    const storeOf = jest.spyOn(DeliveryService.prototype, 'storeOf').mockRejectedValue(away);
    await expect(app.features.operations.run(body.id, undefined)).rejects.toBe(away);
    const read = async () => (await viewer('get', `${base}/operations/${body.id}`)).body;
    expect(await read()).toMatchObject({ state: 'running' });
    await expect(app.features.operations.run(body.id, undefined, { is_last: true })).rejects.toBe(away);
    expect(await read()).toMatchObject({ state: 'failed', error: 'no answer from the queue' });
    storeOf.mockRestore();
    await reopen(`now() - interval '1 hour'`);
    await app.features.operations.deleteExpired();
    expect(await read()).toMatchObject({ state: 'failed', error: expect.stringContaining('its job is gone') });
  });

  it('is another product’s business for nobody', async () => {
    await bury([{ id: 'd-1', reason: 'HTTP 404' }]);
    const { body } = await operator('post', `${base}/deliveries/purge`).send({ error: 'nothing' }).expect(202);
    const other = await app.product();
    await operator('post', `/api/v1/products/${other.id}/deliveries/purge`).send({}).expect(404);
    await viewer('get', `/api/v1/products/${other.id}/operations/${body.id}`).expect(404);
    await viewer('get', `/api/v1/products/${other.id}/deliveries/d-1`).expect(404);
  });
});

describe('deliveries while the queue is away', () => {
  it('are a 503, and an operation that was not queued has failed', async () => {
    const queues = createQueueBackend({
      url: `redis://127.0.0.1:${await freePort()}`,
      logger: silentQueueLogger,
      limit_ms: 300,
    });
    const app = await buildTestApp({ queues });
    const { id } = await app.product();
    const admin = await app.client('admin');
    const { body } = await admin('get', `/api/v1/products/${id}/deliveries`).expect(503);
    expect(body.type).toBe('urn:cortex-mqtt:problem:unavailable');
    await admin('post', `/api/v1/products/${id}/deliveries/purge`).send({}).expect(503);
    const rows = await app.dataSource.query('SELECT state, error FROM operations WHERE product_id = $1', [id]);
    expect(rows).toEqual([{ state: 'failed', error: 'The queue was not available.' }]);
    await app.close();
  });
});
