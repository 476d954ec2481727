import { buildStatusReport } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

describe('a dry run over REST', () => {
  let test: TestApp;
  let operator: Client;
  let path: string;

  beforeAll(async () => {
    test = await buildTestApp();
    const product = await test.product();
    operator = await test.client('operator', [product.id]);
    path = `/api/v1/products/${product.id}/mqtt-config/subscriptions`;
    await operator('put', `/api/v1/products/${product.id}/secrets/TOKEN`).send({ value: 'hush-hush' }).expect(201);
  });
  afterAll(() => test.close());

  it('tells what a stored subscription would send, without its secrets', async () => {
    const { body: subscription } = await operator('post', path)
      .send({
        name: 'orders',
        topic: 'orders/{+id}',
        filter: 'payload.total > 10',
        actions: [
          {
            type: 'webhook',
            url: 'https://example.com/{{params.id}}',
            headers: { authorization: 'Bearer {{secrets.TOKEN}}' },
            input: '{"sum": payload.total}',
          },
        ],
      })
      .expect(201);
    const { body, text } = await operator('post', `${path}/${subscription.id}/dry-run`)
      .send({ message: { topic: 'orders/17', payload: { total: 99 } } })
      .expect(200);
    expect(body).toMatchObject({
      matched: true,
      params: { id: '17' },
      decode: { ok: true, value: { total: 99 } },
      filter: { ok: true, value: true },
      actions: [{ would_run: true, input: { ok: true, value: { sum: 99 } }, request: { ok: true } }],
    });
    expect(JSON.stringify(body.actions[0].request)).toContain('https://example.com/17');
    expect(text).not.toContain('hush-hush');
  });

  it('runs a draft that is not saved, and saves nothing', async () => {
    const before = (await operator('get', path).expect(200)).body;
    const { body } = await operator('post', `${path}/dry-run`)
      .send({
        draft: { topic: 'a/#', payload_format: 'text', actions: [{ type: 'log' }] },
        message: { topic: 'b', payload: 'x' },
      })
      .expect(200);
    expect(body).toMatchObject({ matched: false, actions: [] });
    expect((await operator('get', path).expect(200)).body).toEqual(before);
  });

  it('names the faulty field of a draft', async () => {
    const { body } = await operator('post', `${path}/dry-run`)
      .send({
        draft: {
          topic: 'a',
          filter: 'payload.[',
          actions: [{ type: 'webhook', url: 'https://x.example/{{secrets.NOBODY}}' }],
        },
        message: { topic: 'a' },
      })
      .expect(400);
    expect(body.errors.map((error: { field: string }) => error.field).sort()).toEqual([
      'draft.actions[0].url',
      'draft.filter',
    ]);
  });

  it('refuses what goes beyond the limits that the broker has told a listener, at save and before it', async () => {
    const { id } = await test.product();
    const of = `/api/v1/products/${id}/mqtt-config/subscriptions`;
    const admin = await test.client('admin');
    const { body: saved } = await admin('post', of)
      .send({ name: 'copies', topic: 'in', actions: [{ type: 'publish', topic: 'out', qos: 2 }] })
      .expect(201);
    const broker_info = { protocol_version: '5.0', maximum_qos: 1, retain_available: false, maximum_packet_size: 200 };
    await test.features.statusReports.ingest(id, buildStatusReport({ broker_info }));
    // It may still be renamed.
    await admin('put', `${of}/${saved.id}`).send({ name: 'renamed' }).expect(200);
    const dryRun = async (payload: string) =>
      (
        await admin('post', `${of}/${saved.id}/dry-run`)
          .send({ message: { topic: 'in', payload } })
          .expect(200)
      ).body.actions[0];
    expect(await dryRun('1')).toMatchObject({
      would_run: false,
      request: { ok: false, fault: { message: 'the broker takes QoS 1 at most, not 2', permanent: true } },
    });
    const actions = [{ type: 'publish', topic: 'out', qos: 2, retain: true }];
    const { body } = await admin('put', `${of}/${saved.id}`).send({ actions }).expect(400);
    expect(body.errors.map((error: { field: string }) => error.field)).toEqual(['actions[0].qos', 'actions[0].retain']);
    await admin('put', `${of}/${saved.id}`)
      .send({ actions: [{ type: 'publish', topic: 'out', qos: 1 }] })
      .expect(200);
    expect(await dryRun('1')).toMatchObject({ would_run: true });
    expect((await dryRun(`"${'x'.repeat(200)}"`)).request.fault.message).toMatch(/the broker takes 200 at most/);
  });

  it('lists the action types with their schemas', async () => {
    const { body } = await operator('get', '/api/v1/action-types').expect(200);
    expect(body.items.map((entry: { type: string }) => entry.type)).toEqual([
      'webhook',
      'publish',
      'queue',
      'postgres',
      'log',
    ]);
    expect(body.items[0].schema).toMatchObject({ type: 'object', required: expect.arrayContaining(['url']) });
  });
});
