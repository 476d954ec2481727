import { buildStatusReport } from '@cortex-mqtt/testing';
import { asInstanceId, asProductId, type ControlJob, type DestinationReport, queueNames } from '@cortex-mqtt/contracts';
import { buildTestApp, type TestApp } from '../../testing/build-test-app';

const destination = (overrides: Partial<DestinationReport> = {}): DestinationReport => ({
  id: '0123456789abcdef',
  action_type: 'webhook',
  name: 'https://a.example.com',
  breaker: 'closed',
  next_try_at: null,
  window_s: 60,
  attempts: 60,
  failed: 0,
  latency_ms: { p50: 5, p95: 20, p99: 40 },
  last_succeeded_at: new Date().toISOString(),
  last_failed_at: null,
  last_error: null,
  failures: [],
  subscription_ids: [],
  ...overrides,
});

describe('destinations', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await buildTestApp();
  });
  afterAll(() => test.close());

  it('are one row each, of what all listeners say, and make the health of the product', async () => {
    const { id } = await test.product();
    const admin = await test.client('admin');
    const listener = await test.listener(id);
    const { body: subscription } = await admin('post', `/api/v1/products/${id}/mqtt-config/subscriptions`)
      .send({ name: 'orders', topic: 'orders', actions: [] })
      .expect(201);
    const report = (instance_id: string, destinations: DestinationReport[]) =>
      listener('post', '/internal/mqtt-status')
        .send(buildStatusReport({ instance_id, destinations, state: 'connected' }))
        .expect(200);
    await report('one', [destination({ subscription_ids: [subscription.id] })]);
    const healthy = await admin('get', `/api/v1/products/${id}`).expect(200);
    expect(healthy.body).toMatchObject({ health: 'healthy', health_reasons: [] });

    const next_try_at = new Date(Date.now() + 30_000).toISOString();
    const error = 'the destination answered 503';
    await report('two', [
      destination({
        breaker: 'open',
        next_try_at,
        failed: 60,
        last_failed_at: new Date().toISOString(),
        last_error: error,
        failures: [{ reason: error, count: 60 }],
        latency_ms: { p50: 5, p95: 900, p99: 2_500 },
      }),
      destination({ id: 'f'.repeat(16), name: 'postgres://db.example.com/orders', attempts: 3 }),
    ]);
    const { body } = await admin('get', `/api/v1/products/${id}/destinations`).expect(200);
    expect(body.items).toMatchObject([
      {
        name: 'https://a.example.com',
        state: 'breaker_open',
        next_try_at,
        rate: 2,
        attempts: 120,
        failed: 60,
        latency_ms: { p99: 2_500 },
        last_error: error,
        subscriptions: [{ id: subscription.id, name: 'orders' }],
      },
      { name: 'postgres://db.example.com/orders', state: 'healthy' },
    ]);
    const paths = [`products/${id}`, `products/${id}/mqtt-config/status`];
    for (const path of paths) {
      const view = await admin('get', `/api/v1/${path}`).expect(200);
      expect(view.body).toMatchObject({
        health: 'failing',
        health_reasons: [{ part: 'destinations', reason: expect.stringContaining(error) }],
      });
    }
    const lists = ['products', 'overview'];
    for (const path of lists) {
      const view = await admin('get', `/api/v1/${path}`).expect(200);
      expect(view.body.items).toMatchObject([{ health: 'failing' }]);
    }
  });

  it('are tried now and closed by the listeners that know them', async () => {
    const { id } = await test.product();
    const operator = await test.client('operator', [id]);
    const listener = await test.listener(id);
    const path = `/api/v1/products/${id}/destinations`;
    await operator('post', `${path}/0123456789abcdef/try-now`).expect(404);
    await listener('post', '/internal/mqtt-status')
      .send(buildStatusReport({ destinations: [destination({ breaker: 'open' })] }))
      .expect(200);
    const asked: string[] = [];
    const unused = async () => undefined;
    const worker = test.queues.worker<ControlJob>(
      queueNames.control(asProductId(id), asInstanceId('one')),
      {
        'config-changed': unused,
        reconnect: unused,
        'connection-test': unused,
        'recent-messages': async () => [],
        'test-message': async () => ({ published: true }),
        breaker: async ({ data }) => asked.push(`${data.change} ${data.destination_id}`) > 0,
      },
      { concurrency: 1 },
    );
    try {
      expect((await operator('post', `${path}/0123456789abcdef/try-now`).expect(200)).body).toEqual({ listeners: 1 });
      await operator('post', `${path}/0123456789abcdef/close-breaker`).expect(200);
      expect(asked).toEqual(['try_now 0123456789abcdef', 'close 0123456789abcdef']);
    } finally {
      await worker.close(1_000);
    }
  });
});
