import type { Logger } from '@cortex-mqtt/observability';
import type { Features } from '../features';
import type { Part } from '../lifecycle';
import { periodic } from './periodic';

/**
 * What runs again and again in every orchestrator. Each piece is idempotent or takes a lock, so that several
 * orchestrators may do it at once; a failure is a warning, and the next turn retries.
 */
export function maintenance(
  features: Pick<
    Features,
    | 'auditLogs'
    | 'auth'
    | 'statusReports'
    | 'connectionTests'
    | 'connectionHistory'
    | 'metrics'
    | 'operations'
    | 'configurationPlans'
    | 'queueCleaner'
    | 'messageArchive'
  >,
  {
    stale_after_ms,
    audit_kept_days,
    logger,
  }: {
    stale_after_ms: number;
    /** 0 = for ever. */
    audit_kept_days: number;
    logger: Logger;
  },
): Part[] {
  return [
    periodic({
      name: 'stale listeners',
      // Reports that could not arrive while no orchestrator ran come first: silence counts from this start on.
      first_after_ms: stale_after_ms,
      interval_ms: Math.min(1_000, Math.ceil(stale_after_ms / 3)),
      work: () => features.statusReports.sweepStale(),
      logger,
    }),
    periodic({
      name: 'expired rows',
      interval_ms: 60_000,
      work: async () => {
        await features.auth.forgetExpired();
        await features.connectionTests.deleteExpired();
        await features.operations.deleteExpired();
        await features.configurationPlans.deleteExpired();
      },
      logger,
    }),
    periodic({
      name: 'counts of topics',
      interval_ms: 1_000,
      work: () => features.messageArchive.tally.flush(),
      logger,
    }),
    periodic({
      name: 'old messages',
      interval_ms: 5 * 60_000,
      work: () => features.messageArchive.retain(),
      logger,
    }),
    periodic({
      name: 'connection history',
      interval_ms: 10 * 60_000,
      work: () => features.connectionHistory.prune(),
      logger,
    }),
    periodic({
      name: 'old audit logs',
      interval_ms: 10 * 60_000,
      work: () => features.auditLogs.prune({ keep_days: audit_kept_days }),
      logger,
    }),
    periodic({ name: 'metrics roll-up', interval_ms: 5 * 60_000, work: () => features.metrics.rollUp(), logger }),
    periodic({ name: 'abandoned queues', interval_ms: 10 * 60_000, work: () => features.queueCleaner.clean(), logger }),
  ];
}
