import { createEgressPolicy } from '@cortex-mqtt/egress';
import { createExpressionEngine } from '@cortex-mqtt/expressions';
import { buildInfo } from '@cortex-mqtt/observability';
import { createQueueBackend, silentQueueLogger } from '@cortex-mqtt/queues';
import { createDataSource } from '../database/data-source';
import { createPasswordWork } from '../features/auth/password-work';
import { buildFeatures } from '../features';
import { buildOpenApi } from '../http/openapi';
import type { CommandContext } from './command';

/** Needs neither environment nor database: the routes are declared, nothing is asked. */
const NOWHERE = 'postgres://nobody@127.0.0.1:1/none';

export async function printOpenApi({ env, out }: CommandContext): Promise<number> {
  const queues = createQueueBackend({ url: NOWHERE, logger: silentQueueLogger });
  const engine = createExpressionEngine();
  const silent = () => undefined;
  const logger = {
    debug: silent,
    info: silent,
    warn: silent,
    error: silent,
    child: () => logger,
    isEnabled: () => false,
  };
  const sealed = (): never => {
    throw new Error('nothing is sealed or opened while routes are listed');
  };
  try {
    const { routes } = buildFeatures({
      dataSource: createDataSource({ url: NOWHERE }),
      archive: createDataSource({ url: NOWHERE }),
      discover: async () => undefined,
      database_url: NOWHERE,
      queues,
      engine,
      secretBox: { seal: sealed, open: sealed },
      egress: createEgressPolicy({ allow: [] }),
      link_key: Buffer.alloc(0),
      console_url: '',
      passwords: createPasswordWork(),
      logger,
      public_url: undefined,
      session_ttl_ms: 1,
      single_sign_on: { providers: [], is_only: false, break_glass_email: null, key: Buffer.alloc(0) },
      stale_after_ms: 1,
      adopt_after_ms: 0,
      onProductsChanged: silent,
    });
    const { version } = buildInfo({ directory: __dirname, env });
    out(JSON.stringify(buildOpenApi({ routes, version }), null, 2));
    return 0;
  } finally {
    await engine.stop();
    await queues.close();
  }
}
