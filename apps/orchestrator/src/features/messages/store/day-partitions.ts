import type { EntityManager } from 'typeorm';

const TABLES = ['message_segments', 'message_outcomes'] as const;
/** Any constant, as long as every orchestrator uses the same. */
const PARTITION_LOCK = 0x6d736764;

/** `2026-03-04`, in UTC. */
export const dayOf = (at_ms: number): string => new Date(at_ms).toISOString().slice(0, 10);

const nameOf = (table: string, day: string): string => `${table}_${day.replaceAll('-', '')}`;

/** Makes the tables of a day where they are missing. `known` remembers those that were seen. */
export async function ensureDays(manager: EntityManager, days: readonly string[], known: Set<string>): Promise<void> {
  for (const day of new Set(days)) {
    if (known.has(day)) continue;
    const next = dayOf(Date.parse(`${day}T00:00:00Z`) + 24 * 3600 * 1000);
    await manager.transaction(async (inner) => {
      await inner.query('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
      for (const table of TABLES) {
        const [found] = (await inner.query('SELECT to_regclass($1) AS name', [nameOf(table, day)])) as {
          name: unknown;
        }[];
        if (found?.name) continue;
        await inner.query(
          `CREATE TABLE ${nameOf(table, day)} PARTITION OF ${table} FOR VALUES FROM ('${day}') TO ('${next}')`,
        );
      }
    });
    known.add(day);
  }
}

/** Drops the tables of all days before that one; the days that are gone. */
export async function dropDays(manager: EntityManager, before: string, known: Set<string>): Promise<string[]> {
  const gone: string[] = [];
  for (const table of TABLES) {
    const rows = (await manager.query(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = $1::regclass AND c.relname < $2 ORDER BY c.relname`,
      [table, nameOf(table, before)],
    )) as { name: string }[];
    for (const { name } of rows) {
      await manager.query(`DROP TABLE IF EXISTS ${name}`);
      const digits = name.slice(-8);
      gone.push(`${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`);
    }
  }
  for (const day of gone) known.delete(day);
  return gone;
}
