import type { DataSource } from 'typeorm';
import { type Actor, recordAudit } from '../audit/audit-trail';

/** The same question asked again within this long is one entry. */
const SAME_FOR_MS = 10 * 60_000;
const MAX_REMEMBERED = 5_000;

/** An entry of the audit log for each question that reads payloads, not for each message that answers it. */
export class ReadAudit {
  private readonly told = new Map<string, number>();

  constructor(private readonly deps: { dataSource: DataSource }) {}

  async record(actor: Actor, product_id: number, question: Record<string, unknown>): Promise<void> {
    const key = JSON.stringify([actor.kind, actor.id, product_id, question]);
    const now_ms = Date.now();
    if ((this.told.get(key) ?? 0) > now_ms - SAME_FOR_MS) return;
    await recordAudit(this.deps.dataSource.manager, {
      actor,
      action: 'message.read',
      entity_type: 'message',
      entity_id: typeof question.message_id === 'string' ? question.message_id : null,
      product_id,
      after: question,
    });
    if (this.told.size >= MAX_REMEMBERED) this.told.clear();
    this.told.set(key, now_ms);
  }
}
