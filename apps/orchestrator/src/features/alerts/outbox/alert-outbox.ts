import { nextDelay } from '@cortex-mqtt/actions';
import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import { AlertChannelEntity } from '../model/alert-channel.entity';
import { addEvent } from '../model/incident.store';
import type { ChannelSender } from '../channels/channel-sender';
import { incidentMessage } from './incident-message';
import type { LinkSigner } from './link-signer';
import { markFailed, markSent, type OutboxRow, readIncident, takeDue } from '../model/outbox.store';

/** Longer than any attempt takes; a message of an orchestrator that died is sent by another one then. */
const LEASE_S = 45;
const BATCH = 16;
/** About a day: whoever is on call may have to fix the channel first. */
const RETRY = { max_attempts: 100, base_delay_ms: 2_000, max_delay_ms: 900_000 };
/** While a breaker is open nothing was attempted, so nothing is counted. */
const BREAKER_WAIT_MS = 5_000;

export interface AlertOutboxDeps {
  dataSource: DataSource;
  sender: ChannelSender;
  links: LinkSigner;
  console_url: string;
  logger: Logger;
}

/** Sends what evaluation has written, in every orchestrator, each message by one of them: at least once, with its key. */
export class AlertOutbox {
  constructor(private readonly deps: AlertOutboxDeps) {}

  /** Sends what is due; how many were attempted. */
  async turn(): Promise<number> {
    const due = await takeDue(this.deps.dataSource, { limit: BATCH, lease_s: LEASE_S });
    await Promise.all(due.map((row) => this.send(row)));
    return due.length;
  }

  private async send(row: OutboxRow): Promise<void> {
    const { dataSource, sender, logger } = this.deps;
    const { manager } = dataSource;
    const incident = await readIncident(manager, row.incident_id);
    const channel = await manager.findOneBy(AlertChannelEntity, { id: row.channel_id });
    // Deleted meanwhile, and its messages with it.
    if (incident === null || channel === null) return;
    const outcome = await sender.send(channel, await incidentMessage(incident, { row, channel, ...this.deps }));
    if (outcome.ok) {
      await dataSource.transaction(async (transaction) => {
        await markSent(transaction, row.id);
        await addEvent(transaction, incident.id, {
          at: new Date(),
          type: 'notified',
          actor: null,
          detail: { channel: channel.name, event: row.event, answer: outcome.answer.status },
        });
      });
      return;
    }
    const delay_ms = outcome.is_breaker_open ? BREAKER_WAIT_MS : nextDelay(RETRY, row.attempts, outcome.retry_after_ms);
    const fields = { channel: channel.name, incident_id: incident.id, attempt: row.attempts, reason: outcome.reason };
    if (delay_ms === null) logger.error('an alert could not be sent and is dropped', fields);
    else logger.warn('an alert could not be sent; it will be retried', { ...fields, delay_ms });
    await dataSource.transaction(async (transaction) => {
      await markFailed(transaction, { id: row.id, reason: outcome.reason, delay_ms, counts: !outcome.is_breaker_open });
      // The first failure is news; the rest would only fill the timeline.
      if (row.attempts !== 1 && delay_ms !== null) return;
      await addEvent(transaction, incident.id, {
        at: new Date(),
        type: 'notification_failed',
        actor: null,
        detail: { channel: channel.name, event: row.event, reason: outcome.reason, is_given_up: delay_ms === null },
      });
    });
  }
}
