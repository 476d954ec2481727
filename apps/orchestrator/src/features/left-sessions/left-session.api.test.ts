import type { BrokerReport, ListenerConfigDocument, StatusReport } from '@cortex-mqtt/contracts';
import { buildStatusReport, type Mosquitto, startMosquitto } from '@cortex-mqtt/testing';
import { connect, type IConnackPacket } from 'mqtt';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';
import type { LeftSessionView } from './left-session.view';

const CLIENT_ID = 'edge-7';

describe('a session that a change leaves at its broker', () => {
  let app: TestApp;
  let admin: Client;
  let broker: Mosquitto;
  let product_id: number;
  let sequence = 0;

  beforeAll(async () => {
    [app, broker] = await Promise.all([buildTestApp(), startMosquitto()]);
    admin = await app.client('admin');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    await put({ host: '127.0.0.1', port: broker.port, client_id: CLIENT_ID, password: 'first', username: 'u' });
    await reported({ host: '127.0.0.1', port: broker.port });
  });
  afterAll(async () => {
    await app.close();
    await broker.stop();
  });

  const put = (settings: object) =>
    admin('put', `/api/v1/products/${product_id}/mqtt-config`).send({ broker: settings }).expect(200);
  const reported = (at: { host: string; port: number }) => {
    sequence += 1;
    const base: StatusReport = buildStatusReport({ sequence });
    const of_broker = { ...base, name: 'primary', ...at, client_id: CLIENT_ID, session: { expiry_s: 3_600 } };
    return app.features.statusReports.ingest(product_id, {
      ...base,
      brokers: [of_broker as unknown as BrokerReport],
    });
  };
  const listed = async (): Promise<LeftSessionView[]> => {
    const { body } = await admin('get', '/api/v1/left-sessions').expect(200);
    return (body.items as LeftSessionView[]).filter((left) => left.product_id === product_id);
  };
  const document = async (listener: Client): Promise<ListenerConfigDocument> =>
    (await listener('get', '/internal/v1/mqtt-config').expect(200)).body;

  it('is handed to the listeners with the connection of before, and worked off by one of them', async () => {
    await put({ host: '127.0.0.2', password: 'second' });
    const listener = await app.listener(product_id);
    const [left] = (await document(listener)).left_sessions ?? [];
    expect(left).toMatchObject({
      reason: 'broker_changed',
      client_id: CLIENT_ID,
      broker: { host: '127.0.0.1', port: broker.port, password: 'first' },
    });
    const path = `/internal/v1/left-sessions/${left?.id}`;
    const claim = (instance_id: string) => listener('post', `${path}/claim`).send({ instance_id });
    expect((await claim('a')).body).toEqual({ claim: 'claimed' });
    expect((await claim('b')).body).toEqual({ claim: 'busy' });
    const outcome = { instance_id: 'a', messages: 0, is_ended: false, reason: 'refused' };
    await listener('post', `${path}/outcome`).send(outcome).expect(204);
    const { body: status } = await admin('get', `/api/v1/products/${product_id}/mqtt-config/status`);
    expect(status.warnings).toContainEqual(
      expect.objectContaining({ code: 'SESSION_LEFT', message: expect.stringContaining('refused') }),
    );
    expect((await claim('b')).body).toEqual({ claim: 'claimed' });
    await listener('post', `${path}/outcome`).send({ ...outcome, messages: 10, is_ended: true, reason: null });
    expect(await listed()).toMatchObject([{ state: 'ended', messages: 10, attempts: 2, last_error: null }]);
    expect((await document(listener)).left_sessions).toEqual([]);
    expect((await claim('b')).body).toEqual({ claim: 'gone' });
    const { body: history } = await admin('get', `/api/v1/products/${product_id}/mqtt-config/events`);
    expect(history.items.map(({ type }: { type: string }) => type)).toEqual(
      expect.arrayContaining(['session_not_ended', 'session_ended']),
    );
  });

  it('is not left any more once it is used again, and never was by a change that keeps it', async () => {
    await put({ keep_alive: 30 });
    expect(await listed()).toEqual([]);
    await put({ client_id: 'another' });
    expect(await listed()).toMatchObject([{ reason: 'client_id_changed', state: 'left' }]);
    await put({ client_id: CLIENT_ID });
    expect(await listed()).toEqual([]);
  });

  it('is ended from here once its product is deleted, and its listeners hear that it is', async () => {
    const kept = await connectAs({ clean: false });
    expect(kept.sessionPresent).toBe(false);
    const listener = await app.listener(product_id);
    await admin('delete', `/api/v1/products/${product_id}`).expect(204);
    await listener('get', '/internal/v1/mqtt-config').expect(410);
    await listener('post', '/internal/mqtt-status').send(buildStatusReport()).expect(410);
    await app.features.leftSessions.endUnwanted();
    expect(await listed()).toMatchObject([{ reason: 'product_deleted', attempts: 0 }]);
    const past = `UPDATE left_sessions SET next_attempt_at = now(), left_at = now() - interval '2 minutes' WHERE product_id = $1`;
    await app.dataSource.query(past, [product_id]);
    await app.features.leftSessions.endUnwanted();
    expect(await listed()).toMatchObject([{ state: 'ended', last_error: null }]);
    expect((await connectAs({ clean: false })).sessionPresent).toBe(false);
  });

  it('of a deleted product whose broker is away stays on the list, and is tried again', async () => {
    await put({ port: 1, password: null });
    await reported({ host: '127.0.0.1', port: 1 });
    await admin('delete', `/api/v1/products/${product_id}`).expect(204);
    await app.dataSource.query('UPDATE left_sessions SET next_attempt_at = now() WHERE product_id = $1', [product_id]);
    await app.features.leftSessions.endUnwanted();
    const unreached = (await listed()).filter(({ port }) => port === 1);
    expect(unreached).toMatchObject([{ state: 'left', attempts: 1, last_error: expect.stringContaining('1') }]);
    await admin('delete', `/api/v1/left-sessions/${unreached[0]?.id}`).expect(204);
    expect((await listed()).filter(({ port }) => port === 1)).toEqual([]);
  });

  it('of a product that is disabled for good is ended when somebody says so', async () => {
    const path = `/api/v1/products/${product_id}/left-sessions`;
    await admin('post', path).expect(409);
    await admin('patch', `/api/v1/products/${product_id}`).send({ enabled: false }).expect(200);
    const { body } = await admin('post', path).expect(202);
    expect(body.items).toMatchObject([{ reason: 'product_disabled', state: 'left' }]);
    expect((await admin('post', path).expect(202)).body.items).toHaveLength(1);
    await admin('patch', `/api/v1/products/${product_id}`).send({ enabled: true }).expect(200);
    expect(await listed()).toEqual([]);
  });

  /** The CONNACK; the session stays. */
  async function connectAs(options: { clean: boolean }): Promise<IConnackPacket> {
    const client = connect(broker.url, { ...options, clientId: CLIENT_ID, manualConnect: true });
    const connack = new Promise<IConnackPacket>((resolve) => client.once('connect', resolve));
    client.connect();
    const packet = await connack;
    await client.endAsync();
    return packet;
  }
});
