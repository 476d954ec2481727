import { buildStatusReport } from '@cortex-mqtt/testing';
import {
  asInstanceId,
  asProductId,
  type ControlJob,
  queueNames,
  type TestMessageOutcome,
} from '@cortex-mqtt/contracts';
import type { TypedWorker } from '@cortex-mqtt/queues';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

type Asked = Extract<ControlJob, { name: 'test-message' }>['data'];

describe('a test message', () => {
  let app: TestApp;
  let admin: Client;
  let product_id: number;
  let path: string;
  const workers: TypedWorker[] = [];

  beforeAll(async () => {
    app = await buildTestApp();
    admin = await app.client('admin');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    path = `/api/v1/products/${product_id}/mqtt-config/test-message`;
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
  });
  afterAll(() => app.close());

  const listener = async (
    instance_id: string,
    state: 'connected' | 'standby',
    publish: (asked: Asked) => TestMessageOutcome,
  ): Promise<void> => {
    await app.features.statusReports.ingest(
      product_id,
      buildStatusReport({ instance_id, state, broker: { name: 'primary', host: 'broker', port: 1883 } }),
    );
    const worker = app.queues.worker<ControlJob>(
      queueNames.control(asProductId(product_id), asInstanceId(instance_id)),
      {
        'config-changed': async () => undefined,
        reconnect: async () => undefined,
        'connection-test': async () => undefined,
        'recent-messages': async () => undefined,
        breaker: async () => true,
        'test-message': async ({ data }) => publish(data),
      },
    );
    workers.push(worker);
    await worker.ready();
  };
  const message = { topic: 'shop/orders/1', payload: '{"private":"ü"}' };

  it('is published by the listener that is connected, and leaves nothing in the queue', async () => {
    const asked: Asked[] = [];
    await listener('waiting', 'standby', () => ({ published: false, reason: 'not my turn' }));
    await listener('active', 'connected', (data) => {
      asked.push(data);
      return { published: true };
    });
    const { body } = await admin('post', path).send(message).expect(200);
    expect(body).toEqual({ topic: 'shop/orders/1', qos: 1, published_by: 'active' });
    expect(asked).toEqual([{ product_id, ...message, qos: 1 }]);
    const counts = await app.queues.queue(queueNames.control(asProductId(product_id), asInstanceId('active'))).counts();
    expect(counts.completed).toBe(0);
  });

  it('is in the audit log, its payload only by size', async () => {
    await listener('active', 'connected', () => ({ published: true }));
    await admin('post', path).send(message).expect(200);
    const { body } = await admin('get', `/api/v1/products/${product_id}/audit-logs?action=test_message.publish`);
    expect(body.items).toHaveLength(1);
    expect(body.items[0].after).toEqual({ topic: 'shop/orders/1', qos: 1, payload_bytes: 16 });
    expect(JSON.stringify(body)).not.toContain('private');
  });

  it('is refused with what the broker said', async () => {
    await listener('active', 'connected', () => ({ published: false, reason: 'the broker refused the message' }));
    const { body } = await admin('post', path).send(message).expect(409);
    expect(body.detail).toContain('the broker refused the message');
  });

  it('is refused while nobody is connected', async () => {
    await listener('waiting', 'standby', () => ({ published: true }));
    await admin('post', path).send(message).expect(409);
  });

  it.each(['orders/#', 'orders/+/x', ''])('never goes to %j, which is no topic name', async (topic) => {
    await listener('active', 'connected', () => ({ published: true }));
    const { body } = await admin('post', path)
      .send({ ...message, topic })
      .expect(400);
    expect(body.errors[0].field).toBe('topic');
  });
});
