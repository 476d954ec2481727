import { createTestDatabase, type TestDatabase } from '@cortex-mqtt/testing';
import { Client } from 'pg';
import { createPostgresQueueRole } from './postgres-queue-role';
import { createQueueBackend, type QueueBackend } from './queue-backend';
import { silentQueueLogger } from './queue-logger';

type Greet = { name: 'greet'; data: { who: string } };

describe('the role of listeners on a PostgreSQL queue', () => {
  let database: TestDatabase;
  let owner: QueueBackend;
  let url: string;

  const backend = (of: string) => createQueueBackend({ url: of, logger: silentQueueLogger, limit_ms: 10_000 });
  const asListener = async (sql: string): Promise<unknown> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = backend(database.url);
    await owner.listQueueNames();
    const client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query('CREATE TABLE users (email text)');
    await client.end();
    url = await createPostgresQueueRole({ url: database.url });
  });

  afterAll(async () => {
    await owner.close();
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const role = `"${new URL(url).username}"`;
    await client.query(`DROP OWNED BY ${role}`);
    await client.query(`DROP ROLE ${role}`);
    await client.end();
    await database.drop();
  });

  it('puts jobs into the queue and works them', async () => {
    const listener = backend(url);
    const worked = new Promise<string>((resolve) => {
      listener.worker<Greet>('greetings', { greet: async ({ data }) => resolve(data.who) });
    });
    await listener.queue<Greet>('greetings').add('greet', { who: 'you' });
    expect(await worked).toBe('you');
    // The queue's sequence is the listener's: the orchestrator adds to the same queue.
    await owner.queue<Greet>('greetings').add('greet', { who: 'me' });
    await listener.close();
  });

  it.each([
    'SELECT * FROM users',
    'CREATE TABLE mine (id int)',
    'CREATE SCHEMA mine',
    'DROP TABLE bullmq.job',
    'CREATE ROLE mine',
  ])('is refused to %s', async (sql) => {
    await expect(asListener(sql)).rejects.toThrow(/permission denied|must be owner/);
  });

  it('gets another password when it is made once more, which ends the one before', async () => {
    const before = url;
    url = await createPostgresQueueRole({ url: database.url });
    expect(new URL(url).username).toBe(new URL(before).username);
    expect(await asListener('SELECT count(*)::int AS jobs FROM bullmq.job')).toHaveLength(1);
    expect(new URL(url).password).not.toBe(new URL(before).password);
  });
});
