import type { DataSource, EntityManager } from 'typeorm';
import { recordAudit, systemActor } from '../audit/audit-trail';

/** Seals the canary: any ring that opens it holds the key that this database's secrets are under. */
export interface CanaryKeys {
  readonly primaryKeyId: string;
  seal(plaintext: string, context: string): string;
  open(envelope: string, context: string): string;
}

/** The encryption key is not the one that the database's secrets were sealed with. */
export class WrongKeyError extends Error {
  override readonly name = 'WrongKeyError';
}

export interface InstallationState {
  installation_id: string;
  /**
   * Why this process keeps its hands off: the database is a copy, restored beside the original or in its place. null: it is where
   * it belongs.
   */
  apart: string | null;
}

interface Row {
  installation_id: string;
  database_identity: string;
  environment_identity: string | null;
  key_canary: string;
}

const CANARY_CONTEXT = 'installation key canary';
const CANARY = 'the key that opens this opens the secrets';

/**
 * Says what this database is, at a start. The first one writes it down, with a canary under the encryption key.
 *
 * A dump that is restored elsewhere has another identity of the database (the cluster's system identifier and the
 * database's oid); a copy of the files has not, and is told apart by `INSTALLATION_ID` where that is set.
 *
 * @throws {WrongKeyError} when no key of the ring opens the canary.
 */
export async function openInstallation(
  dataSource: DataSource,
  { keys, environment_identity }: { keys: CanaryKeys; environment_identity: string | undefined },
): Promise<InstallationState> {
  return dataSource.transaction(async (manager) => {
    const here = await databaseIdentity(manager);
    await manager.query(
      `INSERT INTO installation (id, database_identity, environment_identity, key_canary) VALUES (1, $1, $2, $3)
       ON CONFLICT (id) DO NOTHING`,
      [here, environment_identity ?? null, keys.seal(CANARY, CANARY_CONTEXT)],
    );
    const row = await readRow(manager);
    checkKey(row, keys);
    const apart = reasonApart(row, here, environment_identity);
    if (apart === null && row.environment_identity === null && environment_identity !== undefined) {
      await manager.query('UPDATE installation SET environment_identity = $1', [environment_identity]);
    }
    return { installation_id: row.installation_id, apart };
  });
}

/** This copy replaces the original, which must not run any more: from now on the database belongs here. */
export async function adoptInstallation(
  dataSource: DataSource,
  environment_identity: string | undefined,
): Promise<string> {
  return dataSource.transaction(async (manager) => {
    const { installation_id } = await readRow(manager);
    await bindHere(manager, environment_identity);
    await record(manager, 'installation.adopt', installation_id, {});
    return installation_id;
  });
}

/**
 * This copy stays beside the original: it gets an id of its own, and every product is paused, since its client ids and
 * shared groups are those of the original.
 */
export async function keepInstallationApart(
  dataSource: DataSource,
  environment_identity: string | undefined,
): Promise<{ installation_id: string; paused: number }> {
  return dataSource.transaction(async (manager) => {
    await bindHere(manager, environment_identity);
    await manager.query('UPDATE installation SET installation_id = gen_random_uuid()');
    const [, paused] = (await manager.query('UPDATE products SET enabled = false WHERE enabled')) as [unknown, number];
    await manager.query(
      `UPDATE mqtt_configs SET revision = revision + 1, revision_key = left(md5(random()::text), 12)`,
    );
    await manager.query('DELETE FROM listener_tokens');
    const { installation_id } = await readRow(manager);
    await record(manager, 'installation.keep_apart', installation_id, { paused_products: paused });
    return { installation_id, paused };
  });
}

/** Seals the canary under the primary key, once all values are. */
export async function resealCanary(dataSource: DataSource, keys: CanaryKeys): Promise<void> {
  await dataSource.query('UPDATE installation SET key_canary = $1', [keys.seal(CANARY, CANARY_CONTEXT)]);
}

function checkKey(row: Row, keys: CanaryKeys): void {
  try {
    if (keys.open(row.key_canary, CANARY_CONTEXT) === CANARY) return;
  } catch (cause) {
    throw new WrongKeyError(
      `MQTT_PASSWORD_ENCRYPTION_KEY (${keys.primaryKeyId}) is not the key that this database’s secrets are sealed with ` +
        `(${row.key_canary.split('.')[1]}). Set the right one; if it is lost, see "The key is lost" in docs/operations.md.`,
      { cause },
    );
  }
}

function reasonApart(row: Row, here: string, environment_identity: string | undefined): string | null {
  if (row.database_identity !== here) {
    return `the database was restored from another one (${row.database_identity}, this is ${here})`;
  }
  if (row.environment_identity !== null && row.environment_identity !== environment_identity) {
    const given = environment_identity === undefined ? 'is not set' : `is ${environment_identity}`;
    return `the database belongs to the installation ${row.environment_identity}, and INSTALLATION_ID ${given}`;
  }
  return null;
}

async function readRow(manager: EntityManager): Promise<Row> {
  const [row] = (await manager.query('SELECT * FROM installation FOR UPDATE')) as Row[];
  if (!row) throw new Error('The database has no installation yet: start the orchestrator once.');
  return row;
}

async function bindHere(manager: EntityManager, environment_identity: string | undefined): Promise<void> {
  await manager.query('UPDATE installation SET database_identity = $1, environment_identity = $2', [
    await databaseIdentity(manager),
    environment_identity ?? null,
  ]);
}

/** The same through restarts, upgrades and failovers to a physical replica; another one wherever a dump is restored. */
async function databaseIdentity(manager: EntityManager): Promise<string> {
  const [row] = (await manager.query(
    `SELECT (SELECT system_identifier FROM pg_control_system())::text AS cluster, oid::text AS oid
     FROM pg_database WHERE datname = current_database()`,
  )) as { cluster: string; oid: string }[];
  return `${row?.cluster}/${row?.oid}`;
}

const record = (manager: EntityManager, action: string, entity_id: string, after: Record<string, unknown>) =>
  recordAudit(manager, {
    actor: systemActor('installation'),
    action,
    entity_type: 'installation',
    entity_id,
    product_id: null,
    after,
  });
