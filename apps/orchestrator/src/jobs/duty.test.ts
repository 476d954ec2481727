import { type TestDatabase, waitFor } from '@cortex-mqtt/testing';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../database/data-source';
import { createMigratedDatabase } from '../testing/test-database';
import { Duty } from './duty';

describe('a duty', () => {
  let database: TestDatabase;
  let sources: DataSource[];
  const logger = { info: jest.fn(), warn: jest.fn() };
  const dutyOf = (dataSource: DataSource) => new Duty({ name: 'run listeners', dataSource, logger: logger as never });
  const two = () => sources.map(dutyOf) as [Duty, Duty];

  beforeAll(async () => {
    database = await createMigratedDatabase();
    sources = [0, 1].map(() => createDataSource({ url: database.url, poolSize: 3 }));
    for (const source of sources) await source.initialize();
  });
  afterAll(async () => {
    for (const source of sources) await source.destroy();
    await database.drop();
  });

  it('is one orchestrator’s until it lets go', async () => {
    const [first, second] = two();
    expect([await first.isMine(), await second.isMine(), await first.isMine()]).toEqual([true, false, true]);
    await first.release();
    expect([await second.isMine(), await first.isMine()]).toEqual([true, false]);
    await second.release();
  });

  it('passes on when the connection of the one who has it breaks', async () => {
    const [first, second] = two();
    expect(await first.isMine()).toBe(true);
    await sources[1]?.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    await waitFor(() => second.isMine());
    expect(await first.isMine()).toBe(false);
    await second.release();
  });

  it('says once that another has it', async () => {
    const [first, second] = two();
    await first.isMine();
    logger.info.mockClear();
    await second.isMine();
    await second.isMine();
    expect(logger.info).toHaveBeenCalledTimes(1);
    await first.release();
  });
});
