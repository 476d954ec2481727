import {
  type Redis,
  createTestDatabase,
  startRedis,
  type TestDatabase,
  waitFor,
  startTcpProxy,
  type TcpProxy,
} from '@cortex-mqtt/testing';
import { Client } from 'pg';
import { asInstanceId, asProductId, type ControlJob, queueNames } from '@cortex-mqtt/contracts';
import { createQueueBackend, type QueueBackend } from './queue-backend';
import { JobFailedError, QueueUnavailableError } from './queue-errors';
import { silentQueueLogger } from './queue-logger';
import { PermanentJobError } from './typed-worker';

type ExampleJob = { name: 'greet'; data: { who: string } } | { name: 'break'; data: { how: string } };

const product_id = asProductId(7);

/** The same promises on both backends. */
describe.each(['redis', 'postgres'] as const)('a %s queue backend', (kind) => {
  let redis: Redis | undefined;
  let database: TestDatabase | undefined;
  let proxy: TcpProxy;
  let backend: QueueBackend;
  let url: string;
  const opened: QueueBackend[] = [];

  const open = (overrides: { limit_ms?: number; url?: string } = {}): QueueBackend => {
    const made = createQueueBackend({ url, logger: silentQueueLogger, ...overrides });
    opened.push(made);
    return made;
  };

  beforeAll(async () => {
    if (kind === 'redis') redis = await startRedis();
    else database = await createTestDatabase();
    const direct = new URL(redis?.url ?? database?.url ?? '');
    proxy = await startTcpProxy({ target: { port: Number(direct.port) } });
    direct.port = String(proxy.port);
    url = direct.href;
  });

  beforeEach(() => {
    backend = open();
  });

  afterEach(async () => {
    await proxy.restore();
    await Promise.all(opened.splice(0).map((made) => made.close()));
  });

  afterAll(async () => {
    await proxy.stop();
    await redis?.stop();
    await database?.drop();
  });

  const collect = (name: string): { seen: string[]; close(): Promise<void> } => {
    const seen: string[] = [];
    const worker = backend.worker<ExampleJob>(name, {
      greet: async (job) => {
        seen.push(job.data.who);
        return `hello ${job.data.who}`;
      },
      break: async (job) => {
        throw new PermanentJobError(job.data.how);
      },
    });
    return { seen, close: () => worker.close() };
  };

  it('tells its kind and answers a ping', async () => {
    expect(backend.kind).toBe(kind);
    await backend.ping();
  });

  it('counts the failed jobs of many queues at once', async () => {
    const broken = backend.queue<ExampleJob>('broken');
    await broken.add('break', { how: 'loudly' }, { attempts: 1 });
    const worker = backend.worker<ExampleJob>('broken', {
      greet: async () => undefined,
      break: async () => {
        throw new PermanentJobError('broken');
      },
    });
    await waitFor(async () => (await backend.failedCounts(['broken'])).get('broken') === 1);
    const counts = await backend.failedCounts(['broken', 'never-used']);
    expect([counts.get('broken'), counts.get('never-used') ?? 0]).toEqual([1, 0]);
    expect((await backend.failedCounts([])).size).toBe(0);
    await worker.close();
  });

  it('hands every job to the handler of its name', async () => {
    const { seen } = collect('names');
    const queue = backend.queue<ExampleJob>('names');
    await queue.add('greet', { who: 'ada' });
    await queue.addBulk([
      { name: 'greet', data: { who: 'bob' } },
      { name: 'greet', data: { who: 'cyd' } },
    ]);
    await waitFor(() => seen.length === 3);
    expect(seen.sort()).toEqual(['ada', 'bob', 'cyd']);
  });

  it('runs a delayed job in time although one that is due much later waits already', async () => {
    const { seen } = collect('delays');
    const queue = backend.queue<ExampleJob>('delays');
    await queue.add('greet', { who: 'later' }, { delay_ms: 3_600_000 });
    await queue.add('greet', { who: 'first' });
    await waitFor(() => seen.includes('first'));
    await queue.addBulk([{ name: 'greet', data: { who: 'soon' }, options: { delay_ms: 200 } }]);
    await waitFor(() => seen.includes('soon'), { timeout_ms: 3_000 });
    expect(seen).toEqual(['first', 'soon']);
  });

  it('waits for the return value of a job, and gives the error of one that failed', async () => {
    collect('answers');
    const queue = backend.queue<ExampleJob>('answers');
    await expect(queue.runAndWait('greet', { who: 'eve' }, { timeout_ms: 5_000 })).resolves.toBe('hello eve');
    await expect(queue.runAndWait('break', { how: 'on purpose' }, { timeout_ms: 5_000 })).rejects.toThrow(
      new JobFailedError('on purpose'),
    );
  });

  it('takes back a job that nobody began within the time limit', async () => {
    const queue = backend.queue<ExampleJob>('nobody');
    await expect(queue.runAndWait('greet', { who: 'x' }, { timeout_ms: 200 })).rejects.toThrow(QueueUnavailableError);
    // One that got there after the limit is taken back as soon as it is there.
    await waitFor(async () => (await queue.counts()).waiting === 0);
  });

  it('puts a job back for a while when its handler asks for it', async () => {
    let runs = 0;
    const worker = backend.worker<{ name: 'once-more'; data: { n: number } }>('postponed', {
      'once-more': async (job) => {
        runs += 1;
        if (job.data.n === 0) {
          await job.updateData({ n: 1 });
          throw await job.postpone(50);
        }
        return 'done';
      },
    });
    const queue = backend.queue<{ name: 'once-more'; data: { n: number } }>('postponed');
    await expect(queue.runAndWait('once-more', { n: 0 }, { timeout_ms: 8_000 })).resolves.toBe('done');
    expect(runs).toBe(2);
    await worker.close();
  });

  it('refuses names and ids that hold a colon', async () => {
    expect(() => backend.queue('a:b')).toThrow(RangeError);
    await expect(backend.queue<ExampleJob>('ids').add('greet', { who: 'x' }, { job_id: 'a:b' })).rejects.toThrow(
      RangeError,
    );
  });

  it('lists the queues in use and removes the control queue of an instance that is gone', async () => {
    const name = queueNames.control(product_id, asInstanceId('gone'));
    await backend.queue<ControlJob>(name).add('config-changed', { product_id, revision: 4 });
    await backend.queue<ExampleJob>('stays').add('greet', { who: 'x' });
    expect(await backend.listQueueNames()).toEqual(expect.arrayContaining([name, 'stays']));
    await backend.removeQueue(name);
    const names = await backend.listQueueNames();
    expect(names).toContain('stays');
    expect(names).not.toContain(name);
  });

  it('fails within its time limit while the backend is away, and works again afterwards', async () => {
    const impatient = open({ limit_ms: 300 });
    const queue = impatient.queue<ExampleJob>('outage');
    // Preparing the backend may take longer than this client's patience.
    await waitFor(() => queue.add('greet', { who: 'before' }));
    await proxy.refuse();
    await expect(queue.add('greet', { who: 'during' })).rejects.toThrow(QueueUnavailableError);
    await expect(impatient.ping()).rejects.toThrow(QueueUnavailableError);
    await proxy.restore();
    await waitFor(() => queue.add('greet', { who: 'after' }));
    expect((await queue.counts()).waiting).toBeGreaterThanOrEqual(2);
  });

  it('starts while the backend is away and works once it is there', async () => {
    await proxy.refuse();
    const early = open({ limit_ms: 300 });
    const seen: string[] = [];
    early.worker<ExampleJob>('early', {
      greet: async (job) => {
        seen.push(job.data.who);
      },
      break: async () => undefined,
    });
    const queue = early.queue<ExampleJob>('early');
    await expect(queue.add('greet', { who: 'too soon' })).rejects.toThrow(QueueUnavailableError);
    await proxy.restore();
    await waitFor(() => queue.add('greet', { who: 'now' }));
    await waitFor(() => seen.includes('now'));
  });

  it('keeps its workers working through a cut connection', async () => {
    const { seen } = collect('cut');
    const queue = backend.queue<ExampleJob>('cut');
    await queue.add('greet', { who: 'before' });
    await waitFor(() => seen.includes('before'));
    proxy.cut();
    await waitFor(() => queue.add('greet', { who: 'after' }));
    await waitFor(() => seen.includes('after'), { timeout_ms: 15_000 });
  });

  it('lets the running job end when the worker closes', async () => {
    let begun = false;
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const worker = backend.worker<ExampleJob>('draining', {
      greet: async () => {
        begun = true;
        await gate;
      },
      break: async () => undefined,
    });
    const queue = backend.queue<ExampleJob>('draining');
    await queue.add('greet', { who: 'x' });
    await waitFor(() => begun);
    const closing = worker.close();
    finish();
    await closing;
    expect(await queue.counts()).toMatchObject({ active: 0, completed: 1 });
  });

  it('may be prepared by several processes at once', async () => {
    const others = Array.from({ length: 6 }, () => open());
    await Promise.all(others.map((other) => other.queue<ExampleJob>('together').add('greet', { who: 'x' })));
    expect((await backend.queue('together').counts()).waiting).toBe(6);
  });
});

describe('a postgres queue backend whose connections break while it starts', () => {
  it.each(['a producer', 'a worker'] as const)('tries again: %s', async (who) => {
    const database = await createTestDatabase();
    const direct = new URL(database.url);
    const proxy = await startTcpProxy({ target: { port: Number(direct.port) } });
    direct.port = String(proxy.port);
    const prepared = createQueueBackend({ url: database.url, logger: silentQueueLogger });
    await prepared.ready();
    const watcher = new Client({ connectionString: database.url });
    const locker = new Client({ connectionString: database.url });
    await Promise.all([watcher.connect(), locker.connect()]);
    await locker.query('BEGIN; LOCK TABLE bullmq.migration IN ACCESS EXCLUSIVE MODE');

    const backend = createQueueBackend({ url: direct.href, logger: silentQueueLogger });
    const seen: string[] = [];
    const work = (): void => {
      backend.worker<ExampleJob>('starting', {
        greet: async (job) => {
          seen.push(job.data.who);
        },
        break: async () => undefined,
      });
    };
    const hangs = (count: number): Promise<unknown> =>
      waitFor(async () => {
        const { rows } = await watcher.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
        return rows.length >= count;
      });
    const ready = backend.ready(60_000).catch((error: Error) => error);
    if (who === 'a producer') {
      await hangs(1);
      proxy.cut();
      expect(await ready).toBeInstanceOf(QueueUnavailableError);
      await locker.query('ROLLBACK');
    } else {
      await locker.query('ROLLBACK');
      expect(await ready).toBeUndefined();
      await locker.query('BEGIN; LOCK TABLE bullmq.migration IN ACCESS EXCLUSIVE MODE');
      work();
      await hangs(1);
      proxy.cut();
      await locker.query('ROLLBACK');
    }
    await waitFor(() => backend.queue<ExampleJob>('starting').add('greet', { who: 'x' }));
    if (who === 'a producer') work();
    await waitFor(() => seen.length > 0);

    await backend.close();
    await prepared.close();
    await Promise.all([watcher.end(), locker.end()]);
    await proxy.stop();
    await database.drop();
  });
});

describe('the check of a Redis', () => {
  it('warns of settings that lose jobs and is silent about safe ones', async () => {
    const unsafe = await startRedis({ appendonly: false, config: ['--maxmemory-policy', 'allkeys-lru'] });
    const safe = await startRedis();
    const backends = [unsafe, safe].map(({ url }) => createQueueBackend({ url, logger: silentQueueLogger }));
    const [unsafeWarnings, safeWarnings] = await Promise.all(backends.map((backend) => backend.check()));
    expect(unsafeWarnings).toEqual([expect.stringContaining('append-only'), expect.stringContaining('allkeys-lru')]);
    expect(safeWarnings).toEqual([]);
    await Promise.all(backends.map((backend) => backend.close()));
    await Promise.all([unsafe.stop(), safe.stop()]);
  });

  it('works on after a restart of the server, with the jobs that waited', async () => {
    const redis = await startRedis();
    const backend = createQueueBackend({ url: redis.url, logger: silentQueueLogger });
    const queue = backend.queue<ExampleJob>('restarted');
    await queue.add('greet', { who: 'before' });
    await redis.kill();
    await redis.start();
    const seen: string[] = [];
    backend.worker<ExampleJob>('restarted', {
      greet: async (job) => {
        seen.push(job.data.who);
      },
      break: async () => undefined,
    });
    await waitFor(() => seen.includes('before'));
    await redis.restart();
    await waitFor(() => queue.add('greet', { who: 'after' }));
    await waitFor(() => seen.includes('after'));
    await backend.close();
    await redis.stop();
  });
});

describe('createQueueBackend', () => {
  it('refuses a URL of another scheme without repeating it', () => {
    expect(() => createQueueBackend({ url: 'amqp://user:secret@host', logger: silentQueueLogger })).toThrow(
      'a queue URL begins with redis://, rediss:// or postgres://',
    );
  });
});
