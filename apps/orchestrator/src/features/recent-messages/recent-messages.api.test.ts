import { asInstanceId, asProductId, type ControlJob, queueNames, type RecentMessage } from '@cortex-mqtt/contracts';
import type { TypedWorker } from '@cortex-mqtt/queues';
import { buildStatusReport, waitFor } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

type Asked = Extract<ControlJob, { name: 'recent-messages' }>['data'];

function buildMessage(text: string, second: number): RecentMessage {
  return {
    topic: 'orders/created',
    payload_base64: Buffer.from(text).toString('base64'),
    payload_truncated: false,
    payload_bytes: text.length,
    qos: 1,
    retain: false,
    user_properties: {},
    content_type: null,
    received_at: new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString(),
  };
}

describe('recent messages of a subscription', () => {
  let app: TestApp;
  let viewer: Client;
  let product_id: number;
  let path: string;
  const workers: TypedWorker[] = [];

  beforeAll(async () => {
    app = await buildTestApp();
    viewer = await app.client('viewer');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    const admin = await app.client('admin');
    const { body } = await admin('post', `/api/v1/products/${product_id}/mqtt-config/subscriptions`)
      .send({ name: 'orders', topic: 'orders/#' })
      .expect(201);
    path = `/api/v1/products/${product_id}/mqtt-config/subscriptions/${body.id}/recent-messages`;
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
  });
  afterAll(() => app.close());

  /** A live listener that answers as the real one does. */
  const listener = async (instance_id: string, answer: (asked: Asked) => RecentMessage[]): Promise<void> => {
    await app.features.statusReports.ingest(product_id, buildStatusReport({ instance_id }));
    const worker = app.queues.worker<ControlJob>(
      queueNames.control(asProductId(product_id), asInstanceId(instance_id)),
      {
        'config-changed': async () => undefined,
        reconnect: async () => undefined,
        'connection-test': async () => undefined,
        'recent-messages': async ({ data }) => answer(data),
        breaker: async () => true,
        'test-message': async () => undefined,
      },
    );
    workers.push(worker);
    await worker.ready();
  };
  const texts = (body: { items: { payload_text: string }[] }): string[] => body.items.map((item) => item.payload_text);

  it('come from all live listeners, newest first, and leave nothing in the queue', async () => {
    await listener('one', () => [buildMessage('third', 3), buildMessage('first', 1)]);
    await listener('two', () => [buildMessage('second', 2)]);
    const { body } = await viewer('get', `${path}?limit=2`).expect(200);
    expect(texts(body)).toEqual(['third', 'second']);
    expect(body).toMatchObject({ listeners_asked: 2, listeners_answered: 2 });
    const counts = await app.queues.queue(queueNames.control(asProductId(product_id), asInstanceId('one'))).counts();
    expect(counts.completed).toBe(0);
  });

  it('are none, and that is said, while no listener runs', async () => {
    const { body } = await viewer('get', path).expect(200);
    expect(body).toEqual({ items: [], listeners_asked: 0, listeners_answered: 0 });
  });

  it('can be waited for: the answer is the next one, not one that was there', async () => {
    const messages = [buildMessage('old', 1)];
    const asked: Asked[] = [];
    await listener('one', (data) => {
      asked.push(data);
      const { after } = data;
      return messages.filter((message) => after === null || message.received_at > after);
    });
    const waiting = viewer('get', `${path}?wait_s=20`).then((response) => response.body);
    await waitFor(() => asked.some((data) => data.after !== null));
    messages.unshift(buildMessage('new', 2));
    expect(texts(await waiting)).toEqual(['new']);
  });

  it('end the waiting when nothing comes', async () => {
    await listener('one', () => []);
    const { body } = await viewer('get', `${path}?wait_s=1`).expect(200);
    expect(body).toMatchObject({ items: [], listeners_answered: 1 });
  });

  it('are a 404 for a subscription of another product', async () => {
    const other = await app.product();
    const sub_id = path.split('/').at(-2);
    await viewer('get', `/api/v1/products/${other.id}/mqtt-config/subscriptions/${sub_id}/recent-messages`).expect(404);
    await viewer('get', `${path}?wait_s=1000`).expect(400);
  });
});
