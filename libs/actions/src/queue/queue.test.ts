import { createQueueBackend, type QueueBackend } from '@cortex-mqtt/queues';
import { createTestDatabase, type TestDatabase } from '@cortex-mqtt/testing';
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
