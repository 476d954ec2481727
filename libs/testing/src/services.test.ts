import { Client } from 'pg';
import { createTestDatabase } from './test-postgres';
import { startMosquitto } from './mosquitto';
import { startRedis } from './redis';
import { waitFor } from './wait-for';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

describe('the test Postgres', () => {
  it('gives each caller an empty database of its own', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await query(one.url, 'CREATE TABLE only_here (id int)');
    expect(await query(one.url, "SELECT to_regclass('only_here') AS found")).toEqual([{ found: 'only_here' }]);
    expect(await query(other.url, "SELECT to_regclass('only_here') AS found")).toEqual([{ found: null }]);
    await one.drop();
    await other.drop();
    await expect(query(one.url, 'SELECT 1')).rejects.toThrow('does not exist');
  });

  it('builds a template once and copies it for each caller', async () => {
    let builds = 0;
    const template = {
      name: `built_once_${process.pid}`,
      build: async (url: string) => {
        builds++;
        await query(url, 'CREATE TABLE things AS SELECT 7 AS id');
      },
    };
    const databases = await Promise.all([createTestDatabase({ template }), createTestDatabase({ template })]);
    for (const database of databases) {
      expect(await query(database.url, 'SELECT id FROM things')).toEqual([{ id: 7 }]);
      await database.drop();
    }
    expect(builds).toBe(1);
  });
});

describe('waitFor', () => {
  it('answers with the first truthy value', async () => {
    let calls = 0;
    expect(await waitFor(() => ++calls > 2 && 'there', { interval_ms: 1 })).toBe('there');
  });

  it('says at the timeout what it waited for and what the condition last threw', async () => {
    const never = waitFor(() => Promise.reject(new Error('not yet')), { timeout_ms: 5, message: 'the moon' });
    await expect(never).rejects.toThrow(/the moon.*not yet/);
  });
});

describe('the test servers from Debian', () => {
  it('starts, kills and starts Mosquitto on the same port', async () => {
    const broker = await startMosquitto({ users: { anna: 'secret' }, persistence: true, websockets: true });
    try {
      expect(broker.url).toBe(`mqtt://127.0.0.1:${broker.port}`);
      expect(broker.websockets?.url).toMatch(/^ws:/);
      const pid = broker.pid();
      await broker.kill();
      await broker.start();
      expect(broker.pid()).not.toBe(pid);
      await broker.reload({ users: { anna: 'other' } });
    } finally {
      await broker.stop();
    }
  });

  it('restarts Redis on the same port', async () => {
    const redis = await startRedis({ password: 'p' });
    try {
      const pid = redis.pid();
      await redis.restart();
      expect(redis.pid()).not.toBe(pid);
      expect(redis.log()).toContain('Ready to accept connections');
    } finally {
      await redis.stop();
    }
  });
});
