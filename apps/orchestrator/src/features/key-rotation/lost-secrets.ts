import type { KeyRing } from '@cortex-mqtt/secrets';
import type { DataSource } from 'typeorm';
import { recordAudit, systemActor } from '../audit/audit-trail';
import { resealCanary } from '../installation/installation';
import { isSecretFault, SEALED_COLUMNS, sealedRows } from './key-rotation';

/** A value that no key opens. */
export interface LostSecret {
  table: string;
  column: string;
  id: string;
  product_id: number;
  /** Of a product secret; else empty. */
  name: string;
}

/** What has to be entered again, because the key that it was sealed with is lost. */
export async function lostSecrets(dataSource: DataSource, keyRing: KeyRing): Promise<LostSecret[]> {
  const lost: LostSecret[] = [];
  for (const { table, column, place } of SEALED_COLUMNS) {
    for (const row of await sealedRows(dataSource, { table, column })) {
      try {
        keyRing.open(row.envelope, place(row));
      } catch (error) {
        if (!isSecretFault(error)) throw error;
        lost.push({ table, column, id: row.id, product_id: row.product_id, name: row.name });
      }
    }
  }
  return lost;
}

/**
 * Clears what no key opens, and binds the database to the present key: from then on it starts. Where a value must be there its row
 * goes: short-lived requests, and the data keys of recorded messages, which nobody can read any more.
 */
export async function forgetLostSecrets(dataSource: DataSource, keyRing: KeyRing): Promise<LostSecret[]> {
  const lost = await lostSecrets(dataSource, keyRing);
  const columns = await dataSource.query<{ place: string }[]>(
    `SELECT table_name || '.' || column_name AS place FROM information_schema.columns
     WHERE table_schema = 'public' AND is_nullable = 'YES'`,
  );
  const nullable = new Set(columns.map(({ place }) => place));
  await dataSource.transaction(async (manager) => {
    for (const { table, column, id } of lost) {
      const change = nullable.has(`${table}.${column}`)
        ? `UPDATE ${table} SET ${column} = NULL WHERE id::text = $1`
        : `DELETE FROM ${table} WHERE id::text = $1`;
      await manager.query(change, [id]);
    }
    await recordAudit(manager, {
      actor: systemActor('secrets --forget'),
      action: 'encryption_key.forget',
      entity_type: 'encryption_key',
      entity_id: keyRing.primaryKeyId,
      product_id: null,
      after: { forgotten: lost.length },
    });
  });
  await resealCanary(dataSource, keyRing);
  return lost;
}
