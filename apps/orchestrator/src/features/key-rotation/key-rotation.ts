import type { KeyRing } from '@cortex-mqtt/secrets';
import type { DataSource } from 'typeorm';
import { recordAudit, systemActor } from '../audit/audit-trail';
import { BROKER_SECRET_NAMES } from '../../model/broker-field-table';
import { configurationPlanPlace } from '../configuration-plans/plan-place';
import { furtherSecretPlace, primarySecretPlace } from '../brokers/broker-secrets';
import {
  channelPlace,
  connectionTestPlace,
  leftSessionPlace,
  messageKeyPlace,
  type SecretPlace,
  secretPlace,
  storedReplyPlace,
} from '../secrets/secret-box';

const BATCH = 100;
/** Tables whose rows belong to no product. */
const OF_NO_PRODUCT = ['alert_channels', 'configuration_plans', 'idempotency_keys'];

interface SealedRow {
  id: string;
  product_id: number;
  name: string;
  envelope: string;
}

/** Every column that holds envelopes. One that is missing here would be lost with the old key. */
export const SEALED_COLUMNS: { table: string; column: string; place(row: SealedRow): SecretPlace }[] = [
  ...BROKER_SECRET_NAMES.flatMap((column) => [
    { table: 'mqtt_configs', column, place: ({ product_id }: SealedRow) => primarySecretPlace(product_id, column) },
    {
      table: 'mqtt_brokers',
      column,
      place: ({ id, product_id }: SealedRow) => furtherSecretPlace({ id: Number(id), product_id }, column),
    },
  ]),
  { table: 'message_keys', column: 'data_key', place: ({ product_id }) => messageKeyPlace(product_id) },
  { table: 'product_secrets', column: 'value', place: ({ product_id, name }) => secretPlace(product_id, name) },
  { table: 'alert_channels', column: 'secrets', place: ({ id }) => channelPlace(Number(id)) },
  { table: 'connection_tests', column: 'request', place: ({ product_id }) => connectionTestPlace(product_id) },
  { table: 'idempotency_keys', column: 'reply', place: ({ id }) => storedReplyPlace(id) },
  { table: 'left_sessions', column: 'connection', place: ({ product_id }) => leftSessionPlace(product_id) },
  { table: 'configuration_plans', column: 'request', place: ({ id }) => configurationPlanPlace(id) },
];

export interface RotationResult {
  /** Values now under the primary key that were not before. */
  resealed: number;
  /** Values that no key in the ring opens, by place; they stay as they are. */
  failed: { table: string; column: string; id: string; reason: string }[];
}

/**
 * Seals everything again with the primary key while orchestrators run. Each value is its own small update, which does
 * nothing when somebody has changed the value in between; so it may be killed at any point and run again.
 */
export async function rotateKeys(deps: {
  dataSource: DataSource;
  keyRing: KeyRing;
  /** Told after each batch. */
  onProgress?(resealed: number): void | Promise<void>;
}): Promise<RotationResult> {
  const { dataSource, keyRing } = deps;
  const result: RotationResult = { resealed: 0, failed: [] };
  for (const { table, column, place } of SEALED_COLUMNS) {
    const skipped = new Set<string>();
    for (;;) {
      const rows = await outdatedRows(dataSource, {
        table,
        column,
        key_id: keyRing.primaryKeyId,
        skipped: [...skipped],
      });
      if (rows.length === 0) break;
      for (const row of rows) {
        try {
          const envelope = keyRing.reseal(row.envelope, place(row));
          const [, affected] = (await dataSource.query(
            `UPDATE ${table} SET ${column} = $1 WHERE id::text = $2 AND ${column} = $3`,
            [envelope, row.id, row.envelope],
          )) as [unknown, number];
          result.resealed += affected;
        } catch (error) {
          if (!isSecretFault(error)) throw error;
          skipped.add(row.id);
          result.failed.push({ table, column, id: row.id, reason: error.message });
        }
      }
      await deps.onProgress?.(result.resealed);
    }
  }
  if (result.resealed > 0) {
    await recordAudit(dataSource.manager, {
      actor: systemActor('rotate-keys'),
      action: 'encryption_key.rotate',
      entity_type: 'encryption_key',
      entity_id: keyRing.primaryKeyId,
      product_id: null,
      after: { resealed: result.resealed, failed: result.failed.length },
    });
  }
  return result;
}

/** How many values are not under the primary key yet. */
export async function countOutdated(dataSource: DataSource, keyRing: KeyRing): Promise<number> {
  let count = 0;
  for (const { table, column } of SEALED_COLUMNS) {
    const [row] = (await dataSource.query(
      `SELECT count(*)::int AS count FROM ${table} WHERE ${column} IS NOT NULL AND split_part(${column}, '.', 2) <> $1`,
      [keyRing.primaryKeyId],
    )) as { count: number }[];
    count += row?.count ?? 0;
  }
  return count;
}

/** The key's id is the second part of an envelope. */
function outdatedRows(
  dataSource: DataSource,
  { table, column, key_id, skipped }: { table: string; column: string; key_id: string; skipped: string[] },
): Promise<SealedRow[]> {
  return dataSource.query(
    `${selectSealed(table, column)} AND split_part(${column}, '.', 2) <> $1 AND id::text <> ALL($2::text[])
     ORDER BY ${table}.id LIMIT ${BATCH}`,
    [key_id, skipped],
  );
}

/** Every sealed value of a column. */
export function sealedRows(
  dataSource: DataSource,
  { table, column }: { table: string; column: string },
): Promise<SealedRow[]> {
  return dataSource.query(`${selectSealed(table, column)} ORDER BY ${table}.id`);
}

function selectSealed(table: string, column: string): string {
  const name = table === 'product_secrets' ? 'name' : `''`;
  const product_id = OF_NO_PRODUCT.includes(table) ? '0' : 'product_id';
  return `SELECT id::text AS id, ${product_id} AS product_id, ${name} AS name, ${column} AS envelope FROM ${table}
     WHERE ${column} IS NOT NULL`;
}

export function isSecretFault(error: unknown): error is Error {
  return error instanceof Error && ['UnknownKeyError', 'TamperedError', 'EnvelopeFormatError'].includes(error.name);
}
