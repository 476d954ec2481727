import type { DataSource, EntityManager } from 'typeorm';
import { type Actor, type AuditRecord, changedFields, recordAudits } from '../features/audit/audit-trail';
import type { MqttConfigEntity } from '../model/mqtt-config.entity';
import type { ExpectedRevisions, Revision } from '../http/etag';
import type { ChangeNotifier } from './change-notifier';
import { type LockOptions, lockConfig, raiseRevision } from './revision';
import { revisionOf } from './versioned';

export interface ChangeOptions extends LockOptions {
  actor: Actor;
  /** What the caller has read (`If-Match`); undefined = the last write wins. */
  expected_revision: ExpectedRevisions | undefined;
}

/** Notices when a change leaves sessions at brokers that nobody would use any more. */
export interface SessionWatch {
  /** Before the change; the answer is called after it, in the same transaction. */
  begin(manager: EntityManager, product_id: number): Promise<() => Promise<void>>;
  /** Before a product is deleted: all of its sessions. */
  leaveAll(manager: EntityManager, product_id: number): Promise<void>;
}

/** What was done, for the audit log. */
export type ChangeRecord = Omit<AuditRecord, 'actor' | 'product_id'>;

export interface Change<T> {
  result: T;
  audit: ChangeRecord | ChangeRecord[];
}

/**
 * Everything that a listener sees of a product changes through here: lock → change → audit → raise the revision → commit →
 * notify. When `work` throws nothing is changed. A write that changes nothing leaves no trace: no revision, no audit row, no job. Rejects with NotFoundError, and with PreconditionFailedError on a lost update.
 */
export async function changeConfiguration<T>(
  { dataSource, notifier, sessions }: { dataSource: DataSource; notifier: ChangeNotifier; sessions?: SessionWatch },
  product_id: number,
  { actor, expected_revision, is_managing }: ChangeOptions,
  work: (manager: EntityManager, config: MqttConfigEntity) => Promise<Change<T>>,
): Promise<{ result: T; revision: Revision }> {
  const changed = await dataSource.transaction(async (manager) => {
    const config = await lockConfig(manager, product_id, expected_revision, { is_managing });
    const noteLeftSessions = await sessions?.begin(manager, product_id);
    const { result, audit } = await work(manager, config);
    const records = (Array.isArray(audit) ? audit : [audit]).filter(isChange);
    if (records.length === 0) return { result, revision: revisionOf(config), isChanged: false };
    await noteLeftSessions?.();
    await recordAudits(
      manager,
      records.map((record) => ({ ...record, actor, product_id })),
    );
    return { result, revision: await raiseRevision(manager, config), isChanged: true };
  });
  if (changed.isChanged) notifier.configChanged(product_id, changed.revision.number);
  return changed;
}

/** With both sides given and alike nothing was done. */
function isChange({ before, after }: ChangeRecord): boolean {
  return !before || !after || changedFields(before, after).length > 0;
}
