import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildStatusReport, waitFor } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

const STALE_AFTER_MS = 60_000;

const counted = (messages_received: number) => ({
  ...buildStatusReport().counters,
  messages_received,
  messages_matched: messages_received,
});

describe('the status of a product', () => {
  let app: TestApp;
  let viewer: Client & { token: string };
  let listener: Client & { token: string };
  let product_id: number;
  let subscription_id: number;
  const path = () => `/api/v1/products/${product_id}/mqtt-config/status`;
  const post = (overrides: Parameters<typeof buildStatusReport>[0], status = 200) =>
    listener('post', '/internal/mqtt-status').send(buildStatusReport(overrides)).expect(status);
  const read = async () => (await viewer('get', path()).expect(200)).body;
  const delta = (sequence: number, messages_received: number) => ({
    sequence,
    subscriptions: [
      {
        subscription_id,
        messages_received,
        actions_attempted: messages_received + 1,
        actions_executed: messages_received,
        actions_failed: 1,
        last_message_at: '2030-01-01T00:00:01.000Z',
      },
    ],
    events: [],
  });

  beforeAll(async () => {
    app = await buildTestApp({ stale_after_ms: STALE_AFTER_MS });
    viewer = await app.client('viewer');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    listener = await app.listener(product_id);
    const admin = await app.client('admin');
    const { body } = await admin('post', `/api/v1/products/${product_id}/mqtt-config/subscriptions`)
      .send({ name: 'orders', topic: 'orders' })
      .expect(201);
    subscription_id = body.id;
  });
  afterAll(() => app.close());

  it('is "no listener" until one reports, then what it reports, and "no listener" again after its goodbye', async () => {
    expect(await read()).toMatchObject({ state: 'no_listener', connected: false, instances: [] });
    await post({ sequence: 1, applied_revision: 2 });
    expect(await read()).toMatchObject({
      state: 'connected',
      connected: true,
      applied_revision: 2,
      desired_revision: 2,
      client_id: 'client',
      instances: [{ id: 'one', state: 'connected', config_source: 'orchestrator' }],
    });
    await post({ sequence: 2, state: 'stopped' });
    expect(await read()).toMatchObject({ state: 'no_listener', connected: false, instances: [] });
  });

  it('answers the desired revision and the delta that is confirmed', async () => {
    const { body } = await post({ sequence: 1, delta: delta(1, 4) });
    expect(body).toMatchObject({ desired_revision: 2, delta_sequence: 1 });
  });

  it('counts a repeated or reordered report once', async () => {
    await post({ sequence: 1, counters: counted(3), delta: delta(1, 3) });
    await post({ sequence: 1, counters: counted(3), delta: delta(1, 3) });
    await post({ sequence: 3, counters: counted(10), delta: delta(2, 7) });
    await post({ sequence: 2, counters: counted(5), delta: delta(1, 3) });
    expect(await read()).toMatchObject({ messages_received: 10 });
    const { body } = await viewer('get', `/api/v1/products/${product_id}/mqtt-config/subscriptions/${subscription_id}`);
    expect(body).toMatchObject({
      messages_received: 10,
      actions_executed: 10,
      actions_failed: 2,
      last_message_at: '2030-01-01T00:00:01.000Z',
    });
  });

  it('adds up over restarts of the process, and ignores what an older one tells late', async () => {
    await post({ sequence: 9, counters: counted(5) });
    await post({ boot_id: 'next', started_at: '2030-01-02T00:00:00.000Z', sequence: 1, counters: counted(2) });
    await post({ sequence: 10, counters: counted(50), state: 'disconnected' });
    expect(await read()).toMatchObject({ messages_received: 7, state: 'connected' });
  });

  it('never shows a listener as connected whose heartbeat has stopped', async () => {
    await post({ sequence: 1 });
    await app.dataSource.query(
      `UPDATE listener_instances SET last_heartbeat_at = now() - interval '2 minutes' WHERE product_id = $1`,
      [product_id],
    );
    expect(await read()).toMatchObject({ state: 'stale', connected: false, instances: [{ state: 'stale' }] });
    await app.features.statusReports.sweepStale();
    const [row] = await app.dataSource.query(
      'SELECT connected, state FROM mqtt_connection_status WHERE product_id = $1',
      [product_id],
    );
    expect(row).toEqual({ connected: false, state: 'stale' });
  });

  it('names the fields of a report that is not one', async () => {
    const { body } = await listener('post', '/internal/mqtt-status')
      .send({ ...buildStatusReport(), instance_id: '', boot_id: 'a b', colour: 'red' })
      .expect(400);
    const fields = body.errors.map((fault: { field: string }) => fault.field);
    expect([...new Set(fields)].sort()).toEqual(['boot_id', 'instance_id']);
  });

  it('is streamed: at once, and on every change', async () => {
    await app.features.fleet.start();
    app.features.statusStream.start();
    const server: Server = createServer(app.app).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const states: string[] = [];
    const stream = get(
      {
        host: '127.0.0.1',
        port: (server.address() as AddressInfo).port,
        path: `${path()}/stream`,
        headers: { authorization: `Bearer ${viewer.token}` },
      },
      (response) => {
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          for (const [, data] of chunk.matchAll(/^data: (.*)$/gm)) states.push(JSON.parse(data as string).state);
        });
      },
    );
    stream.on('error', () => {
      // The test ends it.
    });
    await waitFor(() => states.includes('no_listener'));
    await post({ sequence: 1 });
    await waitFor(() => states.at(-1) === 'connected');
    stream.destroy();
    server.close();
  });
});
