import { createHmac } from 'node:crypto';
import { createQueueBackend } from '@cortex-mqtt/queues';
import { createTestDatabase, type HttpReceiver, startHttpReceiver, waitFor } from '@cortex-mqtt/testing';
import { Client } from 'pg';
import { ActionFault } from '../action-fault';
import { validateActions } from '../action-registry';
import { CompiledAction, type ReadyAction } from '../action-runner';
import { createQueueAdder } from '../queue/queue-adder';
import {
  type ActionBench,
  buildAction,
  buildScope,
  createActionBench,
  type ScopeOptions,
} from '../testing/action-bench';
import type { BatchedOutcome } from './batcher';
import { Batcher } from './batcher';
import { OpenBatches } from './open-batches';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const KEY = Buffer.alloc(24, 1);

let receiver: HttpReceiver;
let bench: ActionBench;

beforeAll(async () => {
  receiver = await startHttpReceiver();
  bench = createActionBench();
});
beforeEach(() => {
  receiver.clear();
  receiver.answerWith({});
});
afterAll(async () => {
  await bench.stop();
  await receiver.stop();
});

/** Sends through one action, as the listener does for one of a plan. */
function senderOf(fields: object, { concurrency = 8, by = bench }: { concurrency?: number; by?: ActionBench } = {}) {
  const action = new CompiledAction(buildAction(fields));
  const method = action.type.batch;
  if (!method) throw new Error('sends no batches');
  const open = new OpenBatches();
  let calls = 0;
  const batcher = new Batcher({
    definition: action.definition,
    method,
    concurrency,
    open,
    send: (items) => {
      calls += 1;
      return by.runner.executeBatch(items, {});
    },
  });
  const send = async (id: string, scope: ScopeOptions = {}, attempt = 1): Promise<BatchedOutcome> => {
    const built = buildScope({ ...scope, envelope: { id, ...scope.envelope } });
    return batcher.join((await by.runner.prepare(action, built)) as ReadyAction, attempt);
  };
  return { send, open, batcher, calls: () => calls };
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `msg_${index + 1}`);
const kindOf = ({ outcome }: BatchedOutcome): string =>
  outcome instanceof ActionFault ? (outcome.permanent ? 'permanent' : 'transient') : 'succeeded';
const kindsOf = async (sent: Promise<BatchedOutcome>[]): Promise<string[]> => (await Promise.all(sent)).map(kindOf);
const hook = (batch: object, more: object = {}) => ({ type: 'webhook', url: `${receiver.url}/hook`, batch, ...more });
const sizes = (): number[] => receiver.requests.map((request) => request.json<unknown[]>().length);

describe('a batched webhook', () => {
  it('sends an array of envelopes, each byte for byte with its own id, under one signature', async () => {
    const signed = hook({ max_messages: 3 }, { signing_secrets: ['KEY'] });
    const { send } = senderOf(signed);
    const secrets = { KEY: `whsec_${KEY.toString('base64')}` };
    const payload = '{"id": 9007199254740993,\n "price": 1.10}';
    expect(await kindsOf(ids(3).map((id) => send(id, { secrets, payload })))).toEqual(Array(3).fill('succeeded'));
    const [request] = receiver.requests;
    expect(request?.json<{ id: string }[]>().map(({ id }) => id)).toEqual(ids(3));
    expect(request?.text.split(`"payload":${payload}`)).toHaveLength(4);
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = request?.headers ?? {};
    expect(id).toMatch(/^batch_/);
    expect(signature).toBe(
      `v1,${createHmac('sha256', KEY)
        .update(`${String(id)}.${String(at)}.${request?.text}`)
        .digest('base64')}`,
    );
  });

  it('sends a line for each as NDJSON, an input in {id, data}', async () => {
    const { send } = senderOf(hook({ max_messages: 2, format: 'ndjson' }, { input: '{"n": payload.n}' }));
    await Promise.all([send('msg_1', { payload: '{"n": 1}' }), send('msg_2', { payload: '{\n"n": 2}' })]);
    expect(receiver.requests[0]?.headers['content-type']).toBe('application/x-ndjson');
    expect(receiver.requests[0]?.text).toBe('{"id":"msg_1","data":{"n":1}}\n{"id":"msg_2","data":{"n":2}}\n');
    receiver.clear();
    const envelopes = senderOf(hook({ max_messages: 2, format: 'ndjson' }));
    await Promise.all(ids(2).map((id) => envelopes.send(id, { payload: '{\n"n": 2}' })));
    expect(receiver.requests[0]?.text.trimEnd().split('\n')).toHaveLength(2);
  });

  it('goes out when it is full, has its bytes, has waited, or is flushed', async () => {
    const full = senderOf(hook({ max_messages: 4, max_wait_ms: 30_000 }));
    await Promise.all(ids(8).map((id) => full.send(id)));
    expect(sizes()).toEqual([4, 4]);
    receiver.clear();
    const large = senderOf(hook({ max_bytes: 1_000, max_wait_ms: 30 }));
    await Promise.all(ids(3).map((id) => large.send(id, { payload: JSON.stringify('x'.repeat(300)) })));
    expect(sizes()).toEqual([1, 1, 1]);
    receiver.clear();
    const slow = senderOf(hook({ max_wait_ms: 30_000 }));
    const sent = ids(2).map((id) => slow.send(id));
    await waitFor(() => slow.batcher.waiting === 2);
    slow.open.drain();
    await Promise.all(sent);
    await slow.send('msg_late');
    expect(sizes()).toEqual([2, 1]);
  });

  it('puts only messages in one request that go to one address', async () => {
    const { send } = senderOf(hook({ max_messages: 10, max_wait_ms: 20 }, { url: `${receiver.url}/{{params.shop}}` }));
    await Promise.all(ids(6).map((id, index) => send(id, { envelope: { params: { shop: `s${index % 2}` } } })));
    expect(receiver.requests.map(({ url }) => url).sort()).toEqual(['/s0', '/s1']);
    expect(sizes()).toEqual([3, 3]);
  });

  it('is as many at once as the subscription allows; meanwhile the next one grows', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    receiver.answerWith(async (_request, count) => {
      if (count === 1) await held;
      return {};
    });
    const { send, batcher } = senderOf(hook({ max_messages: 50, max_wait_ms: 1 }), { concurrency: 1 });
    const first = send('msg_0');
    await waitFor(() => receiver.count() === 1);
    const rest = ids(20).map((id) => send(id));
    await waitFor(() => batcher.waiting === 20);
    release();
    await Promise.all([first, ...rest]);
    expect(sizes()).toEqual([1, 20]);
  });

  it('is halved until the message that is refused is alone', async () => {
    receiver.answerWith((request) => ({ status: request.text.includes('poison') ? 422 : 200 }));
    const { send } = senderOf(hook({ max_messages: 16 }));
    const kinds = await kindsOf(ids(16).map((id) => send(id, { payload: id === 'msg_6' ? '"poison"' : '"fine"' })));
    expect(kinds).toEqual(ids(16).map((id) => (id === 'msg_6' ? 'permanent' : 'succeeded')));
    expect(receiver.count()).toBe(9);
  });

  it.each([
    [503, 'transient'],
    [401, 'permanent'],
  ])('is not halved at a %d, which is about all of it', async (status, kind) => {
    receiver.answerWith({ status });
    const { send } = senderOf(hook({ max_messages: 8 }));
    expect(await kindsOf(ids(8).map((id) => send(id)))).toEqual(Array(8).fill(kind));
    expect(receiver.count()).toBe(1);
  });

  it('is half as large at each further attempt, and the last one is alone', async () => {
    const { send } = senderOf(hook({ max_messages: 8, max_wait_ms: 20 }, { retry: { max_attempts: 4 } }));
    for (const [attempt, size] of [
      [1, 8],
      [2, 4],
      [3, 2],
      [4, 1],
    ] as const) {
      receiver.clear();
      await Promise.all(ids(8).map((id) => send(id, {}, attempt)));
      expect(sizes()).toEqual(Array(8 / size).fill(size));
    }
  });

  it('takes the outcome of each message from an answer of 207, by id or by place', async () => {
    const statuses = [200, 503, 422];
    receiver.answerWith((request) => ({
      status: 207,
      body: JSON.stringify({
        items: request
          .json<{ id: string }[]>()
          .map(({ id }, index) => ({ id, status: statuses[index], error: `e${index}`, retry_after_s: 7 }))
          .reverse(),
      }),
    }));
    const { send } = senderOf(hook({ max_messages: 3 }));
    const outcomes = await Promise.all(ids(3).map((id) => send(id)));
    expect(outcomes.map(kindOf)).toEqual(['succeeded', 'transient', 'permanent']);
    expect(outcomes[1]?.outcome).toMatchObject({
      retry_after_ms: 7_000,
      detail: { status: 503, response_excerpt: 'e1' },
    });
    receiver.answerWith({ status: 207, body: JSON.stringify(statuses.map((status) => ({ status }))) });
    expect(await kindsOf(ids(3).map((id) => send(id)))).toEqual(['succeeded', 'transient', 'permanent']);
  });

  it('has not succeeded where an answer of 207 leaves a message out or can not be read', async () => {
    const { send } = senderOf(hook({ max_messages: 2 }));
    receiver.answerWith({ status: 207, body: '[{"id": "msg_1", "status": 200}]' });
    expect(await kindsOf(ids(2).map((id) => send(id)))).toEqual(['succeeded', 'transient']);
    receiver.answerWith({ status: 207, body: 'fine' });
    expect(await kindsOf(ids(2).map((id) => send(id)))).toEqual(['transient', 'transient']);
  });

  it('reads an answer of 207 about 5,000 messages', async () => {
    receiver.answerWith((request) => ({
      status: 207,
      body: JSON.stringify(
        request.json<{ id: string }[]>().map(({ id }) => ({ id, status: 200, error: 'x'.repeat(80) })),
      ),
    }));
    const { send } = senderOf(hook({ max_messages: 5_000, max_bytes: 16_000_000 }));
    const kinds = await kindsOf(ids(5_000).map((id) => send(id)));
    expect(kinds.filter((kind) => kind === 'succeeded')).toHaveLength(5_000);
  });

  it('spoils no batch with a body that is no JSON', async () => {
    const { send } = senderOf(hook({ max_messages: 2, max_wait_ms: 10 }, { body: '{"n": 1{{payload.n}}}' }));
    const [fine, broken] = await Promise.allSettled([
      send('msg_1', { payload: '{"n": 1}' }),
      send('msg_2', { payload: '{"n": "x"}' }),
    ]);
    expect(fine).toMatchObject({ status: 'fulfilled' });
    expect(broken).toMatchObject({
      status: 'rejected',
      reason: { permanent: true, detail: { code: 'BODY_NOT_JSON' } },
    });
  });
});

describe('a batched statement', () => {
  it('inserts rows or arrays with one statement, and finds the row that is refused', async () => {
    const database = await createTestDatabase();
    const client = new Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query('CREATE TABLE t (id text PRIMARY KEY, n int CHECK (n < 100), body jsonb, at timestamptz)');
      const parameters = ['id', 'payload.n', 'payload', 'received_at'];
      const statements = [
        'INSERT INTO t (id, n, body, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        'INSERT INTO t SELECT * FROM unnest($1::text[], $2::int[], $3::jsonb[], $4::timestamptz[])',
      ];
      for (const statement of statements) {
        await client.query('TRUNCATE t');
        const action = {
          type: 'postgres',
          connection_secret: 'DB',
          statement,
          parameters,
          batch: { max_messages: 64, max_wait_ms: 9_000 },
        };
        const { send, calls } = senderOf(action);
        const payload = (n: number) => `{"n": ${n}, "text": "a \\"quoted\\" {word}, 'NULL' \\\\"}`;
        const sent = ids(64).map((id, index) =>
          send(id, { secrets: { DB: database.url }, payload: payload(index === 10 ? 100 : 7) }),
        );
        const kinds = await kindsOf(sent);
        expect(kinds.indexOf('permanent')).toBe(10);
        expect(kinds.filter((kind) => kind === 'succeeded')).toHaveLength(63);
        expect(calls()).toBe(13);
        const { rows } = await client.query("SELECT count(*)::int, min(body->>'text') AS text, min(at) AS at FROM t");
        expect(rows).toEqual([
          { count: 63, text: 'a "quoted" {word}, \'NULL\' \\', at: new Date('2026-01-02T03:04:05.678Z') },
        ]);
      }
    } finally {
      await client.end();
      await database.drop();
    }
  });
});

describe('batched jobs', () => {
  it('are added in one write, none twice', async () => {
    const database = await createTestDatabase();
    const backend = createQueueBackend({ url: database.url, logger: silent });
    const by = createActionBench({ queues: createQueueAdder({ backend }) });
    try {
      const action = { type: 'queue', queue: 'orders', job_name: 'order', attempts: 3, batch: { max_messages: 50 } };
      const { send, calls } = senderOf(action, { by });
      await Promise.all(ids(50).map((id) => send(id)));
      await Promise.all(ids(50).map((id) => send(id)));
      expect(calls()).toBe(2);
      const jobs = await (await backend.queue('orders').bull()).getJobs();
      expect(jobs.map(({ id }) => id).sort()).toEqual(ids(50).sort());
      expect(jobs[0]).toMatchObject({ name: 'order', opts: { attempts: 3 }, data: { topic: 'orders/7/created' } });
    } finally {
      await by.stop();
      await backend.close();
      await database.drop();
    }
  });
});

describe('the definition of a batch', () => {
  const faultsOf = (action: object) =>
    validateActions([action]).faults.map(({ field, message }) => `${field} ${message}`);

  it.each([
    [{ max_messages: 0 }, 'actions[0].batch.max_messages'],
    [{ max_bytes: 10 }, 'actions[0].batch.max_bytes'],
    [{ max_wait_ms: 60_000 }, 'actions[0].batch.max_wait_ms'],
    [{ format: 'xml' }, 'actions[0].batch.format'],
    [{ size: 3 }, 'actions[0].batch.size'],
  ])('%j is refused at its field', (batch, field) => {
    expect(faultsOf({ type: 'webhook', url: 'https://example.test', batch })[0]).toContain(field);
  });

  it('is refused where the messages can not be put together', () => {
    const url = 'https://example.test';
    expect(faultsOf({ type: 'webhook', url, method: 'GET', batch: {} })[0]).toContain(
      'actions[0].batch must be absent',
    );
    expect(faultsOf({ type: 'webhook', url, body: 'hello', batch: {} })[0]).toContain('actions[0].body must be JSON');
    const update = { statement: 'UPDATE t SET n = $1', parameters: ['1'], connection_secret: 'DB', batch: {} };
    expect(faultsOf({ type: 'postgres', ...update })[0]).toContain('actions[0].statement can not take several');
    expect(faultsOf({ type: 'log', batch: {} })[0]).toContain('actions[0].batch');
    expect(faultsOf({ type: 'queue', queue: 'q', job_name: 'j', batch: {} })).toEqual([]);
  });
});
