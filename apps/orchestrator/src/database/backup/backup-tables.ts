import type { ClientBase } from 'pg';
import type { BackupTable } from './backup-format';

/** State of one process or one moment: a restored one would be untrue. */
const MOMENTARY = [
  'listener_containers',
  'listener_instances',
  'product_leases',
  'sessions',
  'login_failures',
  'idempotency_keys',
  'migrations',
];

/**
 * The tables that a backup holds, parents before children, with the columns that can be written back. Recorded messages,
 * which are partitioned and have a retention of their own, and momentary state are left out.
 */
export async function backupTables(client: ClientBase): Promise<{ tables: BackupTable[]; left_out: string[] }> {
  const { rows } = await client.query<{ name: string; is_partitioned: boolean; columns: string[]; parents: string[] }>(`
    SELECT c.relname AS name, c.relkind = 'p' AS is_partitioned,
      (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
      COALESCE((SELECT array_agg(DISTINCT p.relname::text) FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid
       WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid), '{}') AS parents
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY c.relname`);
  const partitioned = new Set(rows.filter((row) => row.is_partitioned).map((row) => row.name));
  const isLeftOut = ({ name, parents }: { name: string; parents: string[] }): boolean =>
    MOMENTARY.includes(name) || partitioned.has(name) || parents.some((parent) => partitioned.has(parent));
  const kept = rows.filter((row) => !isLeftOut(row));
  const names = new Set(kept.map(({ name }) => name));
  const tables: BackupTable[] = [];
  const placed = new Set<string>();
  while (tables.length < kept.length) {
    const next = kept.filter(
      ({ name, parents }) => !placed.has(name) && parents.every((parent) => placed.has(parent) || !names.has(parent)),
    );
    if (next.length === 0) throw new Error('The tables refer to each other in a circle; no order restores them.');
    for (const { name, columns } of next) {
      placed.add(name);
      tables.push({ name, columns });
    }
  }
  const left_out = rows.filter(isLeftOut).map(({ name }) => name);
  return { tables, left_out: left_out.filter((name) => name !== 'migrations') };
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const columnList = ({ columns }: BackupTable): string => columns.map(quoted).join(', ');
