import { buildTestApp, type TestApp } from '../../testing/build-test-app';
import { AuditLogEntity } from './audit-log.entity';

const DAY_MS = 24 * 3600_000;

describe('how long the audit log is kept', () => {
  let app: TestApp;
  const now = new Date();

  beforeAll(async () => {
    app = await buildTestApp();
  });
  afterAll(() => app.close());

  const logs = () => app.dataSource.getRepository(AuditLogEntity);
  /** Entries of these ages; gives how many are there afterwards. */
  const write = async (ages_days: number[]) => {
    await logs().clear();
    await logs().insert(
      ages_days.map((age_days) => ({
        created_at: new Date(now.getTime() - age_days * DAY_MS),
        actor_kind: 'system' as const,
        actor_name: 'test',
        action: 'product.update',
        entity_type: 'product',
        entity_id: String(age_days),
      })),
    );
  };
  const kept = async () => (await logs().find({ order: { id: 'ASC' } })).map((log) => Number(log.entity_id));

  it('takes away what is older than the limit', async () => {
    await write([400, 366, 364, 1]);
    await app.features.auditLogs.prune({ keep_days: 365, now });
    expect(await kept()).toEqual([364, 1]);
  });

  it('keeps everything with a limit of 0', async () => {
    await write([4_000, 1]);
    await app.features.auditLogs.prune({ keep_days: 0, now });
    expect(await kept()).toEqual([4_000, 1]);
  });

  it('gets through more than one batch', async () => {
    await write(Array.from({ length: 5_001 }, () => 400));
    await app.features.auditLogs.prune({ keep_days: 365, now });
    expect(await kept()).toEqual([]);
  });
});
