import { createEgressPolicy } from '@cortex-mqtt/egress';
import { createExpressionEngine } from '@cortex-mqtt/expressions';
import { createQueueBackend, type QueueLogger } from '@cortex-mqtt/queues';
import { KeyRing } from '@cortex-mqtt/secrets';
import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { createPasswordWork } from '../features/auth/password-work';
import { buildFeatures, type Features } from '../features';
import type { SecretBox } from '../features/secrets/secret-box';
import type { CommandContext } from './command';
import { withDatabase } from './migrate.command';

/**
 * The services of the orchestrator for one command; listeners are told of changes as usual. With `rolls_back` everything is
 * checked and written as usual, in one transaction that is taken back at the end.
 */
export async function withFeatures<T>(
  context: CommandContext,
  { rolls_back = false }: { rolls_back?: boolean },
  work: (parts: { dataSource: DataSource; secretBox: SecretBox; features: Features }) => Promise<T>,
): Promise<T> {
  return withDatabase(context, async (connected, config) => {
    const trial = rolls_back ? await beginTrial(connected) : null;
    const dataSource = trial?.dataSource ?? connected;
    const warn = (message: string) => context.err(`warning: ${message}`);
    const silent = () => undefined;
    const queueLogger: QueueLogger = { debug: silent, info: silent, warn: silent, error: silent };
    const queues = createQueueBackend({ url: config.effectiveQueueUrl, logger: queueLogger });
    const engine = createExpressionEngine();
    const secretBox = KeyRing.parse(config.encryptionKey, config.oldEncryptionKeys);
    const logger = { debug: silent, info: silent, warn, error: warn, child: () => logger, isEnabled: () => true };
    try {
      const features = buildFeatures({
        dataSource,
        archive: dataSource,
        discover: () => Promise.reject(new Error('a command does not listen at brokers')),
        database_url: config.databaseUrl,
        queues,
        engine,
        secretBox,
        egress: createEgressPolicy({ allow: config.egressAllow }),
        // A command sends no messages.
        link_key: Buffer.alloc(0),
        console_url: '',
        passwords: createPasswordWork(),
        logger,
        public_url: config.publicUrl,
        session_ttl_ms: config.sessionTtl_ms,
        single_sign_on: { providers: [], is_only: false, break_glass_email: null, key: Buffer.alloc(0) },
        stale_after_ms: config.staleAfter_ms,
        adopt_after_ms: config.adoptSessionsAfter_ms,
        onProductsChanged: silent,
      });
      const result = await work({ dataSource, secretBox, features });
      await features.notifier.settled();
      return result;
    } finally {
      await trial?.end();
      await engine.stop();
      await queues.close();
    }
  });
}

/** A data source all of whose work is one transaction; transactions within are savepoints. */
async function beginTrial(connected: DataSource): Promise<{ dataSource: DataSource; end(): Promise<void> }> {
  const runner = connected.createQueryRunner();
  await runner.startTransaction();
  const { manager } = runner;
  const within: Partial<Record<keyof DataSource, unknown>> = {
    manager,
    transaction: (...args: Parameters<DataSource['transaction']>) => manager.transaction(...args),
    getRepository: (entity: EntityTarget<ObjectLiteral>) => manager.getRepository(entity),
    query: (text: string, values?: unknown[]) => runner.query(text, values),
  };
  const dataSource = new Proxy(connected, {
    get: (target, name) => (name in within ? within[name as keyof DataSource] : Reflect.get(target, name, target)),
  });
  return {
    dataSource,
    end: async () => {
      await runner.rollbackTransaction();
      await runner.release();
    },
  };
}
