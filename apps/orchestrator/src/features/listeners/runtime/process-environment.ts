import { join } from 'node:path';
import { generateToken } from '@cortex-mqtt/secrets';
import type { DataSource, EntityManager } from 'typeorm';
import { notifyConfigurationChange } from '../../../configuration/configuration-channel';
import { ListenerTokenEntity } from '../../listener-tokens/listener-token.entity';
import { instanceIdOf, type ListenerMember } from './listener-runtime';

/** Name under which a member's token appears in the list of listener tokens. */
const tokenName = (runtime: string, ordinal: number): string =>
  ordinal === 1 ? `${runtime} runtime` : `${runtime} runtime ${ordinal}`;

/**
 * Gives a listener that is started here its environment. Each start gets a fresh token and revokes the one before, so that no
 * token has to be kept in the clear anywhere.
 */
export function createProcessEnvironment(deps: {
  dataSource: DataSource;
  runtime: 'process' | 'docker';
  orchestrator_url: string;
  queueUrl(): Promise<string>;
  data_dir: string;
  /** Passed on as they are: log settings, egress rules. */
  passed_on: Record<string, string>;
}): (member: ListenerMember) => Promise<Record<string, string>> {
  return async (member) => {
    const { product_id, slug, ordinal } = member;
    return {
      ...deps.passed_on,
      ORCHESTRATOR_URL: deps.orchestrator_url,
      LISTENER_TOKEN: await freshToken(deps.dataSource, product_id, tokenName(deps.runtime, ordinal)),
      INSTANCE_ID: instanceIdOf(member),
      QUEUE_URL: await deps.queueUrl(),
      DATA_DIR: join(deps.data_dir, 'listeners', slug),
      HEALTH_PORT: '0',
    };
  };
}

/** A new token of a member; the one before is revoked. */
export const freshMemberToken = (
  dataSource: DataSource,
  { product_id, ordinal }: Pick<ListenerMember, 'product_id' | 'ordinal'>,
  runtime: 'docker' | 'kubernetes',
): Promise<string> => freshToken(dataSource, product_id, tokenName(runtime, ordinal));

/** A new token of this name; the one before is revoked. */
async function freshToken(dataSource: DataSource, product_id: number, name: string): Promise<string> {
  const { token, hash } = generateToken('cml');
  await dataSource.transaction(async (manager) => {
    await revoke(manager, product_id, name);
    await manager.insert(ListenerTokenEntity, { product_id, name, token_hash: hash });
  });
  return token;
}

/** The token of a member that is not wanted any more. */
export async function revokeMemberToken(
  dataSource: DataSource,
  { product_id, ordinal }: Pick<ListenerMember, 'product_id' | 'ordinal'>,
  runtime: 'docker' | 'kubernetes',
): Promise<void> {
  await dataSource.transaction((manager) => revoke(manager, product_id, tokenName(runtime, ordinal)));
}

async function revoke(manager: EntityManager, product_id: number, name: string): Promise<void> {
  await manager.delete(ListenerTokenEntity, { product_id, name });
  await notifyConfigurationChange(manager, product_id);
}
