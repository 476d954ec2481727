import { createEgressPolicy } from '@cortex-mqtt/egress';
import { probeConnection } from '@cortex-mqtt/mqtt';
import { createQueueBackend, silentQueueLogger, type TypedWorker } from '@cortex-mqtt/queues';
import { freePort, type Mosquitto, startMosquitto } from '@cortex-mqtt/testing';
import { startConnectionTestWorker } from '../../jobs/connection-test.worker';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

const USER = { username: 'orders', password: 'tide-and-granite' };

describe('testing a connection without a listener', () => {
  let app: TestApp;
  let admin: Client;
  let broker: Mosquitto;
  let worker: TypedWorker;
  let product_id: number;
  const base = () => `/api/v1/products/${product_id}/mqtt-config`;
  const test = (body?: object) => admin('post', `${base()}/test`).send(body);

  beforeAll(async () => {
    broker = await startMosquitto({ users: { [USER.username]: USER.password } });
    app = await buildTestApp();
    admin = await app.client('admin');
    const egress = createEgressPolicy({ allow: ['loopback'] });
    worker = startConnectionTestWorker({
      queues: app.queues,
      connectionTests: app.features.connectionTests,
      probe: (request, onStage) => probeConnection(request, { egress, onStage, tested_from: 'orchestrator' }),
      logger: { warn: jest.fn() },
    });
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    await admin('put', base())
      .send({ broker: { host: '127.0.0.1', port: broker.port, ...USER } })
      .expect(200);
  });
  afterAll(async () => {
    await worker.close();
    await app.close();
    await broker.stop();
  });

  it('runs with the stored configuration when the body is empty', async () => {
    const { body } = await test().expect(200);
    expect(body).toMatchObject({ status: 'success', connected: true, tested_from: 'orchestrator', diagnosis: null });
    expect(body.latency_ms).toEqual(expect.any(Number));
    expect(JSON.stringify(body)).not.toContain(USER.password);
  });

  it('subscribes a filter once, however many subscriptions share it', async () => {
    for (const topic of ['orders/+', 'orders/{+id}', 'refunds/+']) {
      await admin('post', `${base()}/subscriptions`).send({ name: topic, topic }).expect(201);
    }
    const { body } = await test().expect(200);
    const subscribed = body.stages.find(({ stage }: { stage: string }) => stage === 'subscribe');
    expect(subscribed).toMatchObject({ state: 'passed', detail: { granted: 2 } });
  });

  it('answers a failure with 200, its stage, its cause and what to do', async () => {
    const port = await freePort();
    const { body } = await test({ host: '127.0.0.1', port, use_tls: false, ...USER }).expect(200);
    expect(body).toMatchObject({
      status: 'failed',
      connected: false,
      diagnosis: { stage: 'tcp', code: 'CONNECTION_REFUSED', advice: expect.any(String) },
    });
  });

  it('tells a wrong password', async () => {
    const { body } = await test({ password: 'wrong' }).expect(200);
    expect(body).toMatchObject({ status: 'failed', diagnosis: { stage: 'connect' } });
  });

  it('uses the stored password with a form that leaves it out', async () => {
    const { username } = USER;
    const form = { host: '127.0.0.1', port: broker.port, username, keep_alive: 20, verify_cert: true };
    const { body } = await test(form).expect(200);
    expect(body).toMatchObject({ status: 'success', connected: true });
  });

  it('refuses another host without a password: the stored one is not sent there', async () => {
    const { body } = await test({ host: 'localhost' }).expect(400);
    expect(body.errors).toEqual([
      { field: 'password', message: expect.stringContaining('never sent to another host') },
    ]);
    const without = await test({ host: 'localhost', password: null }).expect(200);
    expect(without.body).toMatchObject({ status: 'failed', diagnosis: { stage: 'connect' } });
    await test({ host: 'localhost', password: USER.password })
      .expect(200)
      .expect(({ body: given }) => expect(given).toMatchObject({ status: 'success' }));
  });

  it('leaves no parameters behind, in the database or in the queue', async () => {
    await test().expect(200);
    const [row] = await app.dataSource.query('SELECT count(*)::int AS n FROM connection_tests');
    expect(row.n).toBe(0);
    const bull = await app.queues.queue('connection-tests').bull();
    const jobs = await bull.getJobs();
    expect(jobs.length).toBeGreaterThan(0);
    expect(JSON.stringify(jobs.map((job) => [job.data, job.returnvalue]))).not.toContain(USER.password);
  });

  it('streams its stages, then the result', async () => {
    const { text } = await admin('post', `${base()}/test`).set('Accept', 'text/event-stream').send({}).expect(200);
    const events = [...text.matchAll(/^event: (\w+)$/gm)].map((match) => match[1]);
    expect(events.filter((event) => event === 'stage').length).toBeGreaterThan(3);
    expect(events.at(-1)).toBe('result');
  });

  it('streams in a way that proxies neither gather nor transform, and refuses a bad request before it begins', async () => {
    const stream = () => admin('post', `${base()}/test`).set('Accept', 'text/event-stream');
    const { headers } = await stream().send({}).expect(200);
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(headers['content-length']).toBeUndefined();
    const { body } = await stream().send({ host: 'localhost' }).expect(400);
    expect(body).toMatchObject({ type: 'urn:cortex-mqtt:problem:validation', errors: [{ field: 'password' }] });
  });

  it('names the fields of a bad request', async () => {
    const { body } = await test({ host: 'mqtt://x', port: 0 }).expect(400);
    expect(body.errors.map((fault: { field: string }) => fault.field)).toEqual(
      expect.arrayContaining(['host', 'port']),
    );
  });

  it('answers 503 within its time when the queue is down', async () => {
    const queues = createQueueBackend({
      url: `redis://127.0.0.1:${await freePort()}`,
      logger: silentQueueLogger,
      limit_ms: 500,
    });
    const cut = await buildTestApp({ database: app.database, queues });
    try {
      const client = await cut.client('admin');
      const { id } = await cut.product();
      const { body } = await client('post', `/api/v1/products/${id}/mqtt-config/test`)
        .send({ host: '127.0.0.1', port: broker.port, timeout_ms: 500 })
        .expect(503);
      expect(body.type).toBe('urn:cortex-mqtt:problem:unavailable');
      const { text } = await client('post', `/api/v1/products/${id}/mqtt-config/test`)
        .set('Accept', 'text/event-stream')
        .send({ host: '127.0.0.1', port: broker.port, timeout_ms: 500 })
        .expect(200);
      expect(text).toMatch(/^event: problem\ndata: .*"status":503/m);
    } finally {
      await cut.close();
    }
  });
});
