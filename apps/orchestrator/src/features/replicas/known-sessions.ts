import type { ReportedSession, StatusReport } from '@cortex-mqtt/contracts';
import { isUp } from '../../model/liveness';

/** Most that are remembered of a product: the latest. */
const MAX_KNOWN = 200;
/** One that never expires is forgotten after this: nobody has been connected for that long. */
const LONGEST_KNOWN_MS = 90 * 86_400_000;

/** What is known after a report: its sessions are as it says, those that have expired are forgotten. */
export function sessionsAfter(known: readonly ReportedSession[], report: StatusReport, now: Date): ReportedSession[] {
  const told = (report.brokers ?? []).filter(isUp);
  const fresh = told.flatMap(({ host, port, client_id, session }): ReportedSession[] =>
    session && client_id !== null ? [{ host, port, client_id, seen_at: now.toISOString(), ...session }] : [],
  );
  const isTold = (one: ReportedSession): boolean =>
    told.some(({ host, port, client_id }) => one.host === host && one.port === port && one.client_id === client_id);
  const others = known.filter((one) => !isTold(one) && isStillKept(one, now));
  return [...fresh, ...others].slice(0, MAX_KNOWN);
}

/**
 * The known ones with the times at which they were seen last: an instance that is up has seen its sessions at its last heartbeat,
 * which is noted with the session only when something else about it changes.
 */
export function sessionsSeen(
  known: readonly ReportedSession[],
  instances: readonly { report: StatusReport; heard_at: Date }[],
): ReportedSession[] {
  const up = instances.filter(({ report }) => isUp(report));
  return known.map((one) => {
    const seen_ms = up.flatMap(({ report, heard_at }) => {
      const has = (report.brokers ?? []).some(
        (broker) =>
          isUp(broker) &&
          broker.session !== null &&
          broker.host === one.host &&
          broker.port === one.port &&
          broker.client_id === one.client_id,
      );
      return has ? [heard_at.getTime()] : [];
    });
    const newest_ms = Math.max(Date.parse(one.seen_at), ...seen_ms);
    return { ...one, seen_at: new Date(newest_ms).toISOString() };
  });
}

function isStillKept({ seen_at, expiry_s }: ReportedSession, now: Date): boolean {
  const kept_ms = expiry_s === null ? LONGEST_KNOWN_MS : expiry_s * 1_000;
  return Date.parse(seen_at) + kept_ms > now.getTime();
}

/**
 * What to tell the listener that reports: sessions that it would continue with. Only what is from before its own connections, so
 * nothing while it is connected, unless it has just begun.
 */
export function sessionsToTell(
  known: readonly ReportedSession[],
  { report, takes_turns, is_first_report }: { report: StatusReport; takes_turns: boolean; is_first_report: boolean },
): ReportedSession[] {
  if (isUp(report) && !is_first_report) return [];
  // Where the load is shared each has a session of its own, and knows its client id before it asks.
  return takes_turns ? [...known] : known.filter(({ client_id }) => client_id === report.client_id);
}
