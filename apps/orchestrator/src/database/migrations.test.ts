import { createTestDatabase, type TestDatabase } from '@cortex-mqtt/testing';
import type { DataSource } from 'typeorm';
import { createMigratedDatabase } from '../testing/test-database';
import { createDataSource } from './data-source';
import { migrateDown, migrateUp } from './migrate';

/** Columns, constraints and indexes of all tables, as text. */
async function catalogue(dataSource: DataSource): Promise<string[]> {
  const rows = (await dataSource.query(`
    SELECT format('column %s.%s %s null=%s default=%s identity=%s', table_name, column_name,
        coalesce(domain_name, udt_name) || coalesce('(' || character_maximum_length || ')', ''),
        is_nullable, coalesce(column_default, '-'), is_identity) AS line
      FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migrations'
    UNION ALL
    SELECT format('constraint %s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'migrations'
    UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'migrations'
    ORDER BY 1`)) as { line: string }[];
  return rows.map((row) => row.line);
}

describe('the migrations', () => {
  let database: TestDatabase;
  const open: DataSource[] = [];
  const connect = async (): Promise<DataSource> => {
    const dataSource = createDataSource({ url: database.url, poolSize: 3 });
    open.push(dataSource);
    return dataSource.initialize();
  };

  afterEach(async () => {
    await Promise.all(open.splice(0).map((dataSource) => dataSource.destroy()));
    await database.drop();
  });

  it('leave the same schema after up, down and up again, and nothing after down', async () => {
    database = await createTestDatabase();
    const dataSource = await connect();
    const names = await migrateUp(dataSource);
    const first = await catalogue(dataSource);
    expect(first.length).toBeGreaterThan(100);
    for (const _name of names) await migrateDown(dataSource);
    expect(await catalogue(dataSource)).toEqual([]);
    expect(await migrateUp(dataSource)).toEqual(names);
    expect(await catalogue(dataSource)).toEqual(first);
  });

  it('take back each step by itself', async () => {
    database = await createTestDatabase();
    const dataSource = await connect();
    const names = await migrateUp(dataSource);
    const first = await catalogue(dataSource);
    for (let steps = 1; steps <= names.length; steps += 1) {
      for (let step = 0; step < steps; step += 1) await migrateDown(dataSource);
      expect(await migrateUp(dataSource)).toEqual(names.slice(-steps));
      expect(await catalogue(dataSource)).toEqual(first);
    }
  });

  it('make exactly the schema that the entities describe', async () => {
    database = await createMigratedDatabase();
    const dataSource = await connect();
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map((query) => query.query)).toEqual([]);
  });

  it('are applied once when several orchestrators start together', async () => {
    database = await createTestDatabase();
    const starts = await Promise.all([connect(), connect(), connect(), connect()]);
    const applied = await Promise.all(starts.map((dataSource) => migrateUp(dataSource)));
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
  });

  it('index every foreign key and cascade from the product', async () => {
    database = await createMigratedDatabase();
    const dataSource = await connect();
    const keys = (await dataSource.query(`
      SELECT c.conname, c.confdeltype = 'c' AS cascades, EXISTS (
        SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]) AS indexed
      FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace`)) as {
      conname: string;
      cascades: boolean;
      indexed: boolean;
    }[];
    expect(keys.length).toBeGreaterThan(8);
    expect(keys.filter((key) => !key.cascades || !key.indexed)).toEqual([]);
  });

  it.each([
    ['a port of 0', 'broker_port = 0'],
    ['a port of 65536', 'broker_port = 65536'],
    ['qos 3', 'qos = 3'],
    ['a keep-alive of 65536', 'keep_alive = 65536'],
  ])('keep %s out of the database itself', async (_name, assignment) => {
    database = await createMigratedDatabase();
    const dataSource = await connect();
    await dataSource.query(`INSERT INTO products (name, slug) VALUES ('a', 'a')`);
    await dataSource.query(`INSERT INTO mqtt_configs (product_id) SELECT id FROM products`);
    await expect(dataSource.query(`UPDATE mqtt_configs SET ${assignment}`)).rejects.toThrow(/check constraint/);
  });
});
