import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StatusReply, StatusReport } from '@cortex-mqtt/contracts';
import { buildCounters, buildStatusReport, waitFor } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';
import { REPORT_PATH, reportDoor } from './report-door';

describe('reports that change little', () => {
  let app: TestApp;
  let admin: Client;
  let product_id: number;
  let subscription_id: number;
  let base: StatusReport;
  let sequence = 0;
  let delta_sequence = 0;

  beforeAll(async () => {
    app = await buildTestApp();
    admin = await app.client('admin');
    await app.features.fleet.start();
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    const path = `/api/v1/products/${product_id}/mqtt-config/subscriptions`;
    const { body } = await admin('post', path).send({ name: 'orders', topic: 'orders' }).expect(201);
    subscription_id = body.id;
    delta_sequence = 0;
    base = buildStatusReport({ boot_id: randomUUID(), applied_revision: 2 });
  });

  const next = (overrides: Partial<StatusReport> = {}): StatusReport => {
    sequence += 1;
    const delta = { sequence: delta_sequence, subscriptions: [], events: [] };
    return { ...base, reported_at: new Date().toISOString(), delta, ...overrides, sequence };
  };
  const counted = (messages_received: number, in_delta: number, overrides: Partial<StatusReport> = {}) => {
    delta_sequence += 1;
    const item = {
      subscription_id,
      messages_received: in_delta,
      actions_attempted: in_delta,
      actions_executed: in_delta,
      actions_failed: 0,
    };
    return next({
      counters: buildCounters({ messages_received, actions_executed: messages_received }),
      delta: {
        sequence: delta_sequence,
        subscriptions: [{ ...item, last_message_at: '2026-01-01T00:00:00.000Z' }],
        events: [],
      },
      ...overrides,
    });
  };
  const resent = (report: StatusReport): StatusReport => {
    sequence += 1;
    return { ...report, sequence };
  };
  const fully = (report: StatusReport) => app.features.statusReports.ingest(product_id, report);
  const quickly = (report: StatusReport) => app.features.fleet.reports.take(product_id, report);
  const row = async () => {
    const [found] = await app.dataSource.query(
      'SELECT sequence::int, delta_sequence::int, last_heartbeat_at, report FROM listener_instances WHERE product_id = $1',
      [product_id],
    );
    return found;
  };
  const received = async () => {
    const [found] = await app.dataSource.query(
      `SELECT s.messages_received::int AS product, (SELECT messages_received::int FROM mqtt_subscriptions WHERE id = $2) AS subscription,
         (SELECT coalesce(sum(messages_received), 0)::int FROM metric_buckets WHERE product_id = $1) AS buckets
       FROM mqtt_connection_status s WHERE product_id = $1`,
      [product_id, subscription_id],
    );
    return found;
  };

  it('leave the first one and every new fact to the full path', async () => {
    expect(await quickly(next())).toBeNull();
    await fully(next());
    expect(await quickly(next())).not.toBeNull();
    expect(await quickly(next({ reason: 'something is wrong' }))).toBeNull();
    expect(await quickly(next({ boot_id: 'another' }))).toBeNull();
    expect(await quickly(next({ is_leaving: true }))).toBeNull();
  });

  it('are answered as the full path answers them', async () => {
    await fully(next());
    const quick = await quickly(next());
    app.features.fleet.reports.memory.forget(product_id);
    expect(quick).toEqual(await fully(next()));
    expect(quick).toMatchObject({ role: 'active', term: 1, desired_revision: 2, delta_sequence: 0 });
  });

  it('write heartbeats of one moment together, so that status shows a listener that is heard', async () => {
    await fully(next());
    const before = await row();
    await quickly(next());
    const last = next();
    await quickly(last);
    const after = await waitFor(async () => {
      const now = await row();
      return now.sequence === last.sequence && now;
    });
    expect(after.last_heartbeat_at.getTime()).toBeGreaterThan(before.last_heartbeat_at.getTime());
    const { body } = await admin('get', `/api/v1/products/${product_id}/mqtt-config/status`).expect(200);
    expect(body.instances[0].report.sequence).toBe(last.sequence);
    expect(body.warnings).toEqual([]);
  });

  it('count once what is counted, however often a report arrives', async () => {
    await fully(counted(5, 5));
    const again = counted(12, 7);
    expect(await quickly(again)).toMatchObject({ delta_sequence: 2 });
    expect(await received()).toEqual({ product: 12, subscription: 12, buckets: 12 });
    // The same one sent again, and its delta under a newer sequence, as after an answer that was lost.
    expect(await quickly(again)).toBeNull();
    await fully(again);
    expect(await quickly(resent(again))).toMatchObject({ delta_sequence: 2 });
    expect(await received()).toEqual({ product: 12, subscription: 12, buckets: 12 });
  });

  it('count once what two orchestrators take in at the same time', async () => {
    await fully(counted(1, 1));
    await quickly(next({ counters: buildCounters({ messages_received: 1, actions_executed: 1 }) }));
    const second = await buildTestApp({ database: app.database });
    try {
      await second.features.fleet.start();
      const report = counted(11, 10);
      const replies = await Promise.all([
        quickly(report),
        second.features.fleet.reports.take(product_id, resent(report)),
        second.features.statusReports.ingest(product_id, report),
      ]);
      expect(replies.filter((reply): reply is StatusReply => reply !== null).length).toBeGreaterThan(0);
      expect(await received()).toEqual({ product: 11, subscription: 11, buckets: 11 });
    } finally {
      await second.close();
    }
  });

  it('notice at once what another orchestrator has taken in', async () => {
    await fully(next());
    expect(await quickly(next())).not.toBeNull();
    const second = await buildTestApp({ database: app.database });
    try {
      await second.features.statusReports.ingest(product_id, next({ reason: 'seen by another', state: 'degraded' }));
      await waitFor(() => app.features.fleet.reports.memory.peek(product_id) === null);
      expect(await quickly(next())).toBeNull();
    } finally {
      await second.close();
    }
  });

  it('learn of a new revision with the answer to the next one', async () => {
    await fully(next());
    expect(await quickly(next())).toMatchObject({ desired_revision: 2 });
    await admin('patch', `/api/v1/products/${product_id}`).send({ description: 'changed' }).expect(200);
    expect(await quickly(next())).toMatchObject({ desired_revision: 3 });
  });

  it('keep the turn by reporting, and lose it when another has it', async () => {
    await fully(next());
    const lease = async () =>
      (
        await app.dataSource.query<{ instance_id: string; expires_at: Date }[]>(
          'SELECT instance_id, expires_at FROM product_leases WHERE product_id = $1',
          [product_id],
        )
      )[0];
    const before = await lease();
    expect(await quickly(next())).toMatchObject({ role: 'active' });
    await waitFor(async () => Number((await lease())?.expires_at) > Number(before?.expires_at));
    await app.dataSource.query(
      `UPDATE product_leases SET instance_id = 'other', boot_id = 'other', term = term + 1 WHERE product_id = $1`,
      [product_id],
    );
    // The renewal finds out.
    await quickly(next());
    await waitFor(() => app.features.fleet.reports.memory.peek(product_id) === null);
    expect(await quickly(next())).toMatchObject({ role: 'standby', active_instance_id: 'other', term: 2 });
  });

  it('go to the full path when another instance has fallen silent', async () => {
    await fully(next());
    await fully({ ...next(), instance_id: 'two', boot_id: 'two' });
    expect(await quickly(next())).not.toBeNull();
    const two = app.features.fleet.reports.memory.peek(product_id)?.instances.get('two');
    if (!two) throw new Error('the second instance is not known');
    two.heard_at = new Date(Date.now() - 60_000);
    await app.dataSource.query(
      `UPDATE listener_instances SET last_heartbeat_at = now() - interval '1 minute' WHERE product_id = $1 AND instance_id = 'two'`,
      [product_id],
    );
    expect(await quickly(next())).toBeNull();
  });

  describe('at their own door', () => {
    let url: string;
    let close: () => Promise<void>;
    let finished: number;

    beforeAll(async () => {
      const door = reportDoor(
        {
          isOpen: () => true,
          productOf: (token) => app.features.fleet.productOf(token),
          take: (id, report) => app.features.fleet.reports.take(id, report),
          onRequestFinished: () => {
            finished += 1;
          },
          logger: { debug() {}, info() {}, warn() {}, error() {} } as never,
        },
        app.app,
      );
      const server = createServer(door);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${REPORT_PATH}`;
      close = () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        });
    });
    afterAll(() => close());
    beforeEach(() => {
      finished = 0;
    });

    const post = (token: string, body: string) =>
      fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body,
      });

    it('are answered with and without Express alike', async () => {
      const { token } = await app.listener(product_id);
      const first = await post(token, JSON.stringify(next()));
      expect({ status: first.status, finished }).toEqual({ status: 200, finished: 0 });
      const second = await post(token, JSON.stringify(next()));
      expect({ status: second.status, finished }).toEqual({ status: 200, finished: 1 });
      expect(second.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
      expect(Object.keys((await second.json()) as object).sort()).toEqual(
        Object.keys((await first.json()) as object).sort(),
      );
    });

    it('are refused with the faults named', async () => {
      const { token } = await app.listener(product_id);
      await post(token, JSON.stringify(next()));
      const wrong = await post(token, JSON.stringify({ ...next(), sequence: -1, surprise: true }));
      expect(wrong.status).toBe(400);
      const problem = (await wrong.json()) as { errors: { field: string }[] };
      // A field that is not known is of a newer listener, and no fault.
      expect(problem.errors.map(({ field }) => field)).toEqual(['sequence']);
      const torn = await post(token, '{"sequence": ');
      expect([torn.status, torn.headers.get('content-type')]).toEqual([400, 'application/problem+json; charset=utf-8']);
      expect(((await torn.json()) as { type: string }).type).toBe('urn:cortex-mqtt:problem:malformed-request');
      expect((await post('cml_unknown', JSON.stringify(next()))).status).toBe(401);
    });

    it('are refused at once when the token is revoked or its product deleted', async () => {
      const tokens = `/api/v1/products/${product_id}/listener-tokens`;
      const created = await admin('post', tokens).send({ name: 'a' }).expect(201);
      await post(created.body.token, JSON.stringify(next()));
      expect((await post(created.body.token, JSON.stringify(next()))).status).toBe(200);
      await admin('delete', `${tokens}/${created.body.id}`).expect(204);
      expect((await post(created.body.token, JSON.stringify(next()))).status).toBe(401);
      const { token } = await app.listener(product_id);
      await post(token, JSON.stringify(next()));
      await admin('delete', `/api/v1/products/${product_id}`).expect(204);
      await waitFor(async () => (await post(token, JSON.stringify(next()))).status === 401);
    });
  });
});
