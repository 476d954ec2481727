import type { BrokerConnection, ReportedSession } from '@cortex-mqtt/contracts';
import type { KnownSession } from './subscription-ledger';

type At = Pick<BrokerConnection, 'host' | 'port'>;

/**
 * What others reported of sessions at brokers, for a process that has no notes of its own. Each is good for one connection: from
 * then on this process knows better.
 */
export class ReportedSessions {
  private sessions: readonly ReportedSession[] = [];

  replace(sessions: readonly ReportedSession[]): void {
    this.sessions = sessions;
  }

  find(broker: At, client_id: string): KnownSession | null {
    const found = this.sessions.find((one) => isOf(one, broker, client_id));
    return found ? { seen_at_ms: Date.parse(found.seen_at), expiry_s: found.expiry_s } : null;
  }

  forget(broker: At, client_id: string): void {
    this.sessions = this.sessions.filter((one) => !isOf(one, broker, client_id));
  }
}

const isOf = (one: ReportedSession, { host, port }: At, client_id: string): boolean =>
  one.host === host && one.port === port && one.client_id === client_id;
