import { join } from 'node:path';
import { generateToken } from '@cortex-mqtt/secrets';
import type { DataSource } from 'typeorm';
import { notifyConfigurationChange } from '../../../configuration/configuration-channel';
import { ListenerTokenEntity } from '../../listener-tokens/listener-token.entity';
import type { WantedListener } from './listener-runtime';

/** Name under which the tokens of child processes appear in the list of listener tokens. */
const TOKEN_NAME = 'process runtime';

/**
 * Gives a child process its environment. Each start gets a fresh token and revokes the one before, so that no token has to
 * be kept in the clear anywhere.
 */
export function createProcessEnvironment(deps: {
  dataSource: DataSource;
  orchestrator_url: string;
  queueUrl(): Promise<string>;
  data_dir: string;
  /** Passed on as they are: log settings, egress rules. */
  passed_on: Record<string, string>;
}): (listener: WantedListener) => Promise<Record<string, string>> {
  return async ({ product_id, slug }) => {
    const { token, hash } = generateToken('cml');
    await deps.dataSource.transaction(async (manager) => {
      await manager.delete(ListenerTokenEntity, { product_id, name: TOKEN_NAME });
      await manager.insert(ListenerTokenEntity, {
        product_id,
        name: TOKEN_NAME,
        token_hash: hash,
      });
      await notifyConfigurationChange(manager, product_id);
    });
    return {
      ...deps.passed_on,
      ORCHESTRATOR_URL: deps.orchestrator_url,
      LISTENER_TOKEN: token,
      INSTANCE_ID: `${slug}-1`,
      QUEUE_URL: await deps.queueUrl(),
      DATA_DIR: join(deps.data_dir, 'listeners', slug),
      HEALTH_PORT: '0',
    };
  };
}
