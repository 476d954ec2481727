import { asProductId, type ConnectionTestJob, queueNames } from '@cortex-mqtt/contracts';
import { generateToken } from '@cortex-mqtt/secrets';
import { buildTestApp, type Client, type TestApp } from '../testing/build-test-app';
import { DASHBOARD_PATH, jobDashboard } from './job-dashboard';

describe('the job dashboard', () => {
  let test: TestApp;
  let admin: Client & { user_id: number };

  beforeAll(async () => {
    test = await buildTestApp({
      mounts: ({ features, dataSource, queues }) => [
        {
          path: DASHBOARD_PATH,
          handler: jobDashboard({ queues, dataSource, identify: features.identify, public_url: undefined }),
        },
      ],
    });
    admin = await test.client('admin');
  });
  afterAll(() => test.close());

  it('is for administrators only', async () => {
    await test.anonymous('get', `${DASHBOARD_PATH}/api/queues`).expect(401);
    await (await test.client('viewer'))('get', DASHBOARD_PATH).expect(403);
    await (await test.client('operator'))('get', `${DASHBOARD_PATH}/api/queues`).expect(403);
    const product = await test.product();
    await (await test.listener(product.id))('get', DASHBOARD_PATH).expect(403);
    await admin('get', DASHBOARD_PATH).expect(200);
  });

  it('sends a person who is not signed in to the console', async () => {
    const { headers } = await test.anonymous('get', DASHBOARD_PATH).set('Accept', 'text/html').expect(302);
    expect(headers.location).toBe('/?next=%2Fadmin%2Fqueues');
  });

  it('asks no foreign server', async () => {
    const { text, headers } = await admin('get', DASHBOARD_PATH).expect(200);
    expect(text).not.toMatch(/(?:src|href)="https?:/);
    expect(text).toContain('<div id="root">');
    expect(headers['content-security-policy']).toContain("default-src 'self'");
  });

  it('shows queues that are made while it runs', async () => {
    await admin('get', `${DASHBOARD_PATH}/api/queues`).expect(200);
    const name = queueNames.deliveries(asProductId(4711));
    await test.queues
      .queue<ConnectionTestJob>(name)
      .add('connection-test', { product_id: asProductId(4711), test_id: 'x' });
    let names: string[] = [];
    for (const until = Date.now() + 10_000; Date.now() < until && !names.includes(name); ) {
      const { body } = await admin('get', `${DASHBOARD_PATH}/api/queues`).expect(200);
      names = body.queues.map((queue: { name: string }) => queue.name);
    }
    expect(names).toContain(name);
  });

  it('takes a write with the cookie from our own page only, and writes it down', async () => {
    const { token, hash } = generateToken('cms');
    await test.dataSource.query(
      `INSERT INTO sessions (user_id, token_hash, expires_at) VALUES ($1, $2, now() + interval '1 hour')`,
      [admin.user_id, hash],
    );
    const pause = () =>
      test
        .anonymous('put', `${DASHBOARD_PATH}/api/queues/${queueNames.connectionTests()}/pause`)
        .set('Cookie', `cortex_session=${token}`)
        .set('Host', 'mqtt.example.com');
    await pause().expect(403);
    await pause().set('Origin', 'https://evil.example.com').expect(403);
    await pause().set('Origin', 'https://mqtt.example.com').expect(200);
    const { body } = await admin('get', '/api/v1/audit-logs?action=queue.manage').expect(200);
    expect(body.items).toMatchObject([{ entity_id: 'connection-tests', actor_id: admin.user_id }]);
  });
});
