import { createEgressPolicy } from '@cortex-mqtt/egress';
import { createExpressionEngine } from '@cortex-mqtt/expressions';
import { createQueueBackend, type QueueLogger } from '@cortex-mqtt/queues';
import { KeyRing } from '@cortex-mqtt/secrets';
import type { DataSource } from 'typeorm';
import { createPasswordWork } from '../features/auth/password-work';
import { buildFeatures, type Features } from '../features';
import type { SecretBox } from '../features/secrets/secret-box';
import type { CommandContext } from './command';
import { withDatabase } from './migrate.command';

/** The services of the orchestrator for one command; listeners are told of changes as usual. */
export async function withFeatures<T>(
  context: CommandContext,
  work: (parts: { dataSource: DataSource; secretBox: SecretBox; features: Features }) => Promise<T>,
): Promise<T> {
  return withDatabase(context, async (dataSource, config) => {
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
      await engine.stop();
      await queues.close();
    }
  });
}
