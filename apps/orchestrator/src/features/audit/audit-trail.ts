import { isDeepStrictEqual } from 'node:util';
import { BROKER_SECRET_NAMES } from '../../model/broker-field-table';
import type { EntityManager } from 'typeorm';
import type { Principal } from '../../http/principal';
import { AuditLogEntity } from './audit-log.entity';

/** Who does something, from where, in which request. */
export interface Actor {
  kind: 'user' | 'listener' | 'system';
  id: number | null;
  name: string;
  ip: string | null;
  request_id: string | null;
}

export const systemActor = (name: string): Actor => ({ kind: 'system', id: null, name, ip: null, request_id: null });

/** The actor of a request. */
export function actorOf(context: { principal: Principal; ip: string; request_id: string }): Actor {
  const { principal, ip, request_id } = context;
  switch (principal.kind) {
    case 'user':
      return { kind: 'user', id: principal.id, name: principal.email, ip, request_id };
    case 'listener':
      return {
        kind: 'listener',
        id: principal.token_id,
        name: `listener of product ${principal.product_id}`,
        ip,
        request_id,
      };
  }
}

export interface AuditRecord {
  actor: Actor;
  /** `<entity_type>.<verb>`. */
  action: string;
  entity_type: string;
  entity_id: string | number | null;
  product_id: number | null;
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown> | null;
}

/** Fields whose values never reach the audit log. */
const SECRET_FIELDS = new Set<string>([...BROKER_SECRET_NAMES, 'value', 'password_hash', 'token_hash']);

/** Writes one row for a change, see `recordAudits`. */
export const recordAudit = (manager: EntityManager, record: AuditRecord): Promise<void> =>
  recordAudits(manager, [record]);

/**
 * Writes one row a change with only the fields that differ, in the transaction of the change itself (`manager`): a change
 * without its audit row cannot be committed.
 */
export async function recordAudits(manager: EntityManager, records: readonly AuditRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += ROWS_AT_ONCE)
    await manager.insert(AuditLogEntity, records.slice(from, from + ROWS_AT_ONCE).map(auditRow));
}

/** A statement takes 65,535 parameters at most. */
const ROWS_AT_ONCE = 500;

function auditRow(record: AuditRecord) {
  const { before, after } = difference(record.before ?? null, record.after ?? null);
  return {
    actor_kind: record.actor.kind,
    actor_id: record.actor.id,
    actor_name: record.actor.name,
    ip: record.actor.ip,
    request_id: record.actor.request_id,
    action: record.action,
    entity_type: record.entity_type,
    entity_id: record.entity_id === null ? null : String(record.entity_id),
    entity_name: nameOf(record.after) ?? nameOf(record.before),
    product_id: record.product_id,
    before: before as never,
    after: after as never,
  };
}

/** What people know the thing by; of a user that is the address. */
function nameOf(fields: Record<string, unknown> | null | undefined): string | null {
  const name = fields?.email ?? fields?.name;
  return typeof name === 'string' ? name : null;
}

/** The fields that differ; secrets tell only that they changed. */
export function difference(
  before: Record<string, unknown> | null,
  after: Record<string, unknown> | null,
): { before: Record<string, unknown> | null; after: Record<string, unknown> | null } {
  if (before === null || after === null) return { before: before && redacted(before), after: after && redacted(after) };
  const changed = changedFields(before, after);
  const pick = (from: Record<string, unknown>) =>
    redacted(Object.fromEntries(changed.map((key) => [key, from[key] ?? null])));
  return { before: pick(before), after: pick(after) };
}

/** Names of the fields whose JSON differs; the order of an object's fields, which jsonb does not keep, is no difference. */
export function changedFields(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => !isDeepStrictEqual(asJson(before[key]), asJson(after[key])),
  );
}

const asJson = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.parse(JSON.stringify(value)) : (value ?? null);

function redacted(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      SECRET_FIELDS.has(key) && value !== null && value !== undefined ? '[redacted]' : value,
    ]),
  );
}
