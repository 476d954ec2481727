import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import {
  createTestCertificates,
  createTestDatabase,
  startTcpProxy,
  type TestDatabase,
  waitFor,
} from '@cortex-mqtt/testing';
import { Client } from 'pg';
import { validateActions } from '../action-registry';
import { type ActionBench, createActionBench } from '../testing/action-bench';

let database: TestDatabase;
let client: Client;
let bench: ActionBench;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    'CREATE TABLE orders (delivery text PRIMARY KEY, id bigint, name text, body jsonb, at timestamptz)',
  );
  bench = createActionBench();
});

afterAll(async () => {
  await bench.stop();
  await client.end();
  await database.drop();
});

const statement = (fields: object) => ({ type: 'postgres', connection_secret: 'DB', ...fields });
const secrets = () => ({ secrets: { DB: database.url } });

describe('the postgres action', () => {
  it('runs its statement with values as parameters, every digit of a number kept', async () => {
    const action = statement({
      statement: 'INSERT INTO orders VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
      parameters: ['id', 'payload.id', 'payload.name', 'payload', 'received_at'],
    });
    const scope = { ...secrets(), payload: '{"id": 9007199254740993, "name": "\'); DROP TABLE orders; --"}' };
    expect(await bench.run(action, scope)).toMatchObject({ status: 'succeeded', detail: { row_count: 1 } });
    expect(await bench.run(action, scope)).toMatchObject({ detail: { row_count: 0 } });
    const { rows } = await client.query('SELECT * FROM orders');
    expect(rows).toEqual([
      {
        delivery: 'msg_test',
        id: '9007199254740993',
        name: "'); DROP TABLE orders; --",
        body: { id: 9007199254740992, name: "'); DROP TABLE orders; --" },
        at: new Date('2026-01-02T03:04:05.678Z'),
      },
    ]);
  });

  it('keeps digits in jsonb and numeric, from the input too', async () => {
    await client.query('CREATE TABLE digits (id numeric, body jsonb, price numeric)');
    const insert = { statement: 'INSERT INTO digits VALUES ($1, $2, $3)' };
    const scope = { ...secrets(), payload: '{"id": 9007199254740993, "price": 100.00}' };
    await bench.run(statement({ ...insert, parameters: ['payload.id', 'payload', 'payload.price'] }), scope);
    const input = '{"id": payload.id, "price": payload.price}';
    await bench.run(statement({ ...insert, input, parameters: ['id', '$', 'price'] }), scope);
    const { rows } = await client.query('SELECT id::text, body::text, price::text FROM digits');
    const row = { id: '9007199254740993', body: '{"id": 9007199254740993, "price": 100.00}', price: '100.00' };
    expect(rows).toEqual([row, row]);
  });

  it('computes parameters over the input, null for what is not there', async () => {
    const action = statement({
      statement: 'SELECT $1::int / $2::int WHERE $3::text IS NULL',
      input: '{"a": payload.order.id}',
      parameters: ['a', 'a', 'b'],
    });
    expect(await bench.run(action, secrets())).toMatchObject({ detail: { row_count: 1 } });
  });

  it.each([
    ['SELECT 1/0', '22012'],
    ['SELEC', '42601'],
    ['SELECT * FROM nowhere', '42P01'],
    ["INSERT INTO orders SELECT 'twice' FROM generate_series(1, 2)", '23505'],
  ])('fails for good: %s', async (sql, status) => {
    expect(await bench.faultOf(statement({ statement: sql }), secrets())).toMatchObject({
      permanent: true,
      detail: { code: 'SQLSTATE', status },
    });
  });

  it('ends a statement at its time limit, for now, and goes on', async () => {
    const fault = await bench.faultOf(statement({ statement: 'SELECT pg_sleep(30)', timeout_ms: 100 }), secrets());
    expect(fault).toMatchObject({ permanent: false });
    expect(await bench.run(statement({ statement: 'SELECT 1', timeout_ms: 5_000 }), secrets())).toMatchObject({
      status: 'succeeded',
    });
  });

  it('fails for now when the connection breaks in the middle of a statement', async () => {
    const direct = new URL(database.url);
    const proxy = await startTcpProxy({ target: { port: Number(direct.port) } });
    direct.port = String(proxy.port);
    const fault = bench.faultOf(statement({ statement: 'SELECT pg_sleep(60)' }), { secrets: { DB: direct.href } });
    await waitFor(async () => {
      const { rows } = await client.query("SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'");
      return rows.length > 0;
    });
    proxy.cut();
    expect(await fault).toMatchObject({ permanent: false });
    await proxy.stop();
  });

  it('is not failed by a stall of our own, with the answer there to be read', async () => {
    const quick = statement({ statement: 'SELECT pg_sleep(0.1)', timeout_ms: 500 });
    await bench.run(quick, secrets());
    const result = bench.run(quick, secrets());
    await waitFor(async () => {
      const { rows } = await client.query(
        "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(0.1)' AND state = 'active'",
      );
      return rows.length > 0;
    });
    const until_ms = performance.now() + 2_000;
    while (performance.now() < until_ms);
    expect(await result).toMatchObject({ status: 'succeeded' });
  });

  it('gives up a database that accepts a connection and never says a word', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const url = new URL(database.url);
    url.port = String((mute.address() as AddressInfo).port);
    const fault = await bench.faultOf(statement({ statement: 'SELECT 1', timeout_ms: 300 }), {
      secrets: { DB: url.href },
    });
    expect(fault).toMatchObject({ permanent: false, message: expect.stringContaining('no connection within 300 ms') });
    mute.close();
  });

  it('that waits for a connection of ours has all its time once it has one', async () => {
    const hold = statement({ statement: 'SELECT pg_sleep(0.6)', timeout_ms: 1_000 });
    // Eight on four connections: the second four wait longer than an attempt may take.
    const results = await Promise.all(Array.from({ length: 12 }, () => bench.run(hold, secrets())));
    expect(results).toHaveLength(12);
    expect(bench.runtime.postgres.waiting).toBe(0);
  });

  it('shows its client certificate, opened by its pass phrase, to a server it trusts', async () => {
    const { ca, server, client: own } = await createTestCertificates();
    const key = createPrivateKey(own.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open',
    });
    const shown: string[] = [];
    const listening = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write('S');
        const secured = new TLSSocket(socket, {
          isServer: true,
          cert: server.cert,
          key: server.key,
          ca: ca.cert,
          requestCert: true,
          rejectUnauthorized: true,
        });
        secured.on('error', () => undefined);
        secured.on('secure', () => {
          shown.push(String(secured.getPeerCertificate().subject?.CN));
          secured.destroy();
        });
      });
    });
    listening.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const url = `postgres://u:p@127.0.0.1:${(listening.address() as AddressInfo).port}/x?sslmode=verify-full`;
    const action = statement({
      statement: 'SELECT 1',
      ca_cert: ca.cert,
      client_cert_secret: 'CERT',
      client_key_secret: 'KEY',
      client_key_passphrase_secret: 'PHRASE',
    });
    const given = { DB: url, CERT: own.cert, KEY: String(key), PHRASE: 'open' };
    expect(await bench.faultOf(action, { secrets: given })).toMatchObject({ permanent: false });
    expect(shown).toHaveLength(1);
    const wrong = await bench.faultOf(action, { secrets: { ...given, PHRASE: 'shut' } });
    expect(wrong).toMatchObject({ permanent: true, detail: { code: 'TLS_MATERIAL' } });
    expect(wrong.message).toContain('client_key_passphrase_secret does not open the client key');
    expect(shown).toHaveLength(1);
    listening.close();
  });

  it('stops when the listener stops', async () => {
    const stopping = new AbortController();
    const fault = bench.faultOf(statement({ statement: 'SELECT pg_sleep(30)' }), {
      ...secrets(),
      signal: stopping.signal,
    });
    setImmediate(() => stopping.abort());
    expect(await fault).toMatchObject({ permanent: false, detail: { code: 'ABORTED' } });
  });

  it('fails for now when the database is not reached, and names no password', async () => {
    const fault = await bench.faultOf(statement({ statement: 'SELECT 1' }), {
      secrets: { DB: 'postgres://u:geheim@127.0.0.1:1/x' },
    });
    expect(fault.permanent).toBe(false);
    expect(JSON.stringify([fault.message, fault.detail])).not.toContain('geheim');
  });

  it('does not reach what the egress policy refuses', async () => {
    const guarded = createActionBench({ egressAllow: [] });
    try {
      for (const url of [database.url, database.url.replace('127.0.0.1', 'localhost')]) {
        const fault = await guarded.faultOf(statement({ statement: 'SELECT 1' }), { secrets: { DB: url } });
        expect(fault).toMatchObject({ permanent: true, detail: { code: 'EGRESS_REFUSED' } });
      }
    } finally {
      await guarded.stop();
    }
  });

  it.each(['nonsense', 'http://h/x', 'postgres:///x', 'postgres://h/x?host=/var/run/postgresql'])(
    'refuses a connection secret like %s',
    async (url) => {
      const fault = await bench.faultOf(statement({ statement: 'SELECT 1' }), { secrets: { DB: url } });
      expect(fault).toMatchObject({ permanent: true, detail: { code: 'CONNECTION_URL' } });
    },
  );

  it('is checked at save: parameters that parse, as many as the statement names', () => {
    const faults = (fields: object) =>
      validateActions([statement({ statement: 'SELECT $1', parameters: ['id'], ...fields })]).faults;
    expect(faults({})).toEqual([]);
    expect(faults({ parameters: ['id', 'topic'] })[0]).toMatchObject({ field: 'actions[0].parameters' });
    expect(faults({ parameters: ['id +'] })[0]).toMatchObject({ field: 'actions[0].parameters[0]' });
    expect(faults({ statement: "SELECT '$2', $1 -- $3" })).toEqual([]);
  });
});
