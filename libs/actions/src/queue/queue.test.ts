import { queueNames } from '@cortex-mqtt/contracts';
import { createQueueBackend, type QueueBackend } from '@cortex-mqtt/queues';
import { createTestDatabase, type TestDatabase } from '@cortex-mqtt/testing';
import { validateActions } from '../action-registry';
import { type ActionBench, createActionBench } from '../testing/action-bench';
import { createQueueAdder } from './queue-adder';

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
let database: TestDatabase;
let backend: QueueBackend;
let bench: ActionBench;

beforeAll(async () => {
  database = await createTestDatabase();
  backend = createQueueBackend({ url: database.url, logger });
  bench = createActionBench({ queues: createQueueAdder({ backend }) });
});

afterAll(async () => {
  await bench.stop();
  await backend.close();
  await database.drop();
});

describe('the queue action', () => {
  it('adds a job with the envelope, once however often it is delivered', async () => {
    const action = { type: 'queue', queue: 'orders', job_name: 'order-{{params.order}}', priority: 3, attempts: 4 };
    for (let n = 0; n < 3; n += 1) await bench.run(action);
    const jobs = await (await backend.queue('orders').bull()).getJobs();
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject({ id: 'msg_test', name: 'order-7', opts: { attempts: 4, priority: 3 } });
    expect(jobs[0]?.data).toMatchObject({ id: 'msg_test', topic: 'orders/7/created', payload: { order: { id: 7 } } });
  });

  it.each([
    ['json', '{"order": {"id": 7}}', { payload: { order: { id: 7 } } }],
    ['text', 'seven', { payload: 'seven' }],
    ['binary', '\xff', { payload: null, payload_base64: Buffer.from('\xff').toString('base64') }],
  ] as const)('hands over the documented fields and no others of a payload in %s', async (format, payload, wanted) => {
    const queue = `fields-${format}`;
    await bench.run({ type: 'queue', queue, job_name: 'x' }, { payload, format });
    const [job] = await (await backend.queue(queue).bull()).getJobs();
    expect(job?.data).toEqual({
      id: 'msg_test',
      product_id: 1,
      subscription_id: 2,
      topic: 'orders/7/created',
      params: { order: '7' },
      qos: 1,
      retain: false,
      duplicate: false,
      user_properties: {},
      received_at: '2026-01-02T03:04:05.678Z',
      ...wanted,
    });
  });

  it('adds the input, later', async () => {
    await bench.run({
      type: 'queue',
      queue: 'later',
      job_name: 'x',
      delay_ms: 60_000,
      input: '{"n": payload.order.id}',
    });
    const [job] = await (await backend.queue('later').bull()).getJobs(['delayed']);
    expect(job).toMatchObject({ data: { n: 7 }, delay: 60_000 });
  });

  it('hands over the text of a payload that parsing has changed', async () => {
    const payload = '{"id": 9007199254740993}';
    await bench.run({ type: 'queue', queue: 'exact', job_name: 'x' }, { payload });
    const [job] = await (await backend.queue('exact').bull()).getJobs();
    expect(job?.data).toMatchObject({ payload_text: payload });
  });

  it.each([
    ['a number it would change', '{"id": payload.id}', null],
    ['the number as a text', '{"id": $string(payload.id)}', { id: '9007199254740993' }],
  ])('hands over an input with %s: never another identifier', async (_what, input, wanted) => {
    const scope = { payload: '{"id": 9007199254740993}' };
    const action = { type: 'queue', queue: 'inputs', job_name: 'x', input };
    if (wanted === null) {
      expect(await bench.faultOf(action, scope)).toMatchObject({
        permanent: true,
        detail: { code: 'NUMBER_NOT_EXACT' },
      });
    } else {
      await bench.run(action, scope);
      const [job] = await (await backend.queue('inputs').bull()).getJobs();
      expect(job?.data).toEqual(wanted);
    }
  });

  it.each(Object.values(queueNames).map((nameOf) => (nameOf as (...parts: string[]) => string)('1', 'x')))(
    'never reaches %s, a queue of the system itself',
    (queue) => {
      expect(validateActions([{ type: 'queue', queue, job_name: 'x' }]).faults).toEqual([
        { field: 'actions[0].queue', message: 'is a queue of the system itself' },
      ]);
    },
  );

  it('takes names that only resemble one of ours', () => {
    for (const queue of ['operations-of-mine', 'my-control-1', 'deliveries']) {
      expect(validateActions([{ type: 'queue', queue, job_name: 'x' }]).faults).toEqual([]);
    }
  });

  it('fails for now when the queue is away', async () => {
    const away = createQueueBackend({ url: 'redis://127.0.0.1:1', logger });
    const cut = createActionBench({ queues: createQueueAdder({ backend: away }) });
    try {
      expect(await cut.faultOf({ type: 'queue', queue: 'q', job_name: 'x', timeout_ms: 200 })).toMatchObject({
        permanent: false,
      });
    } finally {
      await cut.stop();
      await away.close();
    }
  });
});
