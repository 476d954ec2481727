import { createTestDatabase, type TestDatabase } from '@cortex-mqtt/testing';
import { createDataSource } from '../database/data-source';
import { migrateUp } from '../database/migrate';

/** A migrated database of one's own; migrations run once a test run. */
export function createMigratedDatabase(): Promise<TestDatabase> {
  return createTestDatabase({
    template: {
      name: 'orchestrator',
      build: async (url) => {
        const dataSource = createDataSource({ url, poolSize: 2 });
        await dataSource.initialize();
        await migrateUp(dataSource);
        await dataSource.destroy();
      },
    },
  });
}
