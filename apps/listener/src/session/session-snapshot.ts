import type { BrokerConnection, BrokerReport, StatusReport } from '@cortex-mqtt/contracts';
import { type CertificateDetail, connectionWarnings, type TlsDetail } from '@cortex-mqtt/mqtt';
import type { BrokerLink, LinkFailure } from './broker-link';
import type { KnownSession } from './subscription-ledger';
import type { SubscriptionPlan } from './subscription-plan';

/** The part of a status report that the session knows. */
export type SessionSnapshot = Pick<
  StatusReport,
  | 'state'
  | 'state_since'
  | 'reason'
  | 'reason_code'
  | 'advice'
  | 'broker'
  | 'broker_info'
  | 'client_id'
  | 'connected_at'
  | 'disconnected_at'
  | 'recovery'
  | 'topic_filters'
  | 'warnings'
  | 'oldest_unacknowledged_ms'
  | 'in_flight'
> & { brokers: BrokerSnapshot[] };

/** One of the brokers that the listener is at, or is on its way to. */
export type BrokerSnapshot = Omit<BrokerReport, 'subscribed'> & Pick<SessionSnapshot, 'topic_filters'>;

/** A session's own broker, told on its own. */
export function brokerSnapshots(whole: Omit<SessionSnapshot, 'brokers'>, kept: KnownSession | null): BrokerSnapshot[] {
  if (whole.broker === null) return [];
  const { broker, state, state_since, reason, reason_code, advice, client_id } = whole;
  const { connected_at, disconnected_at, recovery, topic_filters } = whole;
  const session = kept && { expiry_s: kept.expiry_s };
  const why = { state, state_since, reason, reason_code, advice };
  return [{ ...broker, ...why, session, client_id, connected_at, disconnected_at, recovery, topic_filters }];
}

export type SessionState = Pick<SessionSnapshot, 'state' | 'reason' | 'reason_code' | 'advice'>;

const WELL = { reason: null, reason_code: null, advice: null } as const;

/** What state the session is in, from what its links tell. `links`: of the broker in use; empty = there is none. */
export function deriveState(links: readonly BrokerLink[]): SessionState {
  const down = links.find((link) => !link.is_connected);
  if (down) {
    if (down.failure === null) return { state: 'connecting', ...WELL };
    return { state: 'disconnected', ...words(down.failure) };
  }
  if (links.some((link) => link.phase !== 'connected')) return { state: 'connecting', ...WELL };
  return degradation(links) ?? { state: 'connected', ...WELL };
}

const words = (failure: LinkFailure) => ({
  reason: failure.cause,
  reason_code: failure.code,
  advice: failure.advice,
});

/** Connected, but not all that was asked for. */
function degradation(links: readonly BrokerLink[]): SessionState | null {
  const states = links.flatMap((link) => link.states());
  const refused = states.filter((filter) => filter.refused !== null);
  if (refused.length > 0) {
    const names = listed(refused.map(({ topic_filter, refused }) => `"${topic_filter}" (${refused})`));
    return {
      state: 'degraded',
      reason: `The broker refuses ${refused.length} of ${states.length} topic filters: ${names}.`,
      reason_code: 'SUBSCRIPTION_REFUSED',
      advice: 'Allow this user to read these topics in the access rules of the broker, or change the topics.',
    };
  }
  const lowered = states.filter(
    ({ granted_qos, requested_qos }) => granted_qos !== null && granted_qos < requested_qos,
  );
  if (lowered.length === 0) return null;
  const names = listed(
    lowered.map(
      ({ topic_filter, granted_qos, requested_qos }) => `"${topic_filter}" (${granted_qos} of ${requested_qos})`,
    ),
  );
  return {
    state: 'degraded',
    reason: `The broker grants a lower QoS than asked for: ${names}.`,
    reason_code: 'QOS_DOWNGRADED',
    advice: 'Messages of QoS 0 can be lost. Raise the maximum QoS of the broker, or ask for the lower one here.',
  };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** How long a warning reminds of what happened. */
const REMINDED_FOR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** A broker that keeps the session although another one is in use again. */
export interface LeftBroker {
  broker: BrokerConnection;
  at_ms: number;
}

/** Things that work and are unsafe or unsure, or won't work for long. */
export function deriveWarnings({
  links,
  plan,
  left,
  lane_refusal = null,
  now,
}: {
  links: readonly BrokerLink[];
  plan: SubscriptionPlan | null;
  left: LeftBroker | null;
  /** Why filters that overlap have to share a connection; null where it is only that there are no more lanes. */
  lane_refusal?: string | null;
  now: Date;
}): SessionSnapshot['warnings'] {
  const [first] = links;
  if (!first) return [];
  const warnings: SessionSnapshot['warnings'] = connectionWarnings({
    broker: first.broker,
    now,
    tls: first.tls && withDaysLeft(first.tls, now),
    connack: first.is_connected ? first.connack : null,
    filters: links.flatMap((link) =>
      link.states().map(({ topic_filter, requested_qos, granted_qos }) => ({
        filter: topic_filter,
        requested_qos,
        granted_qos,
      })),
    ),
  });
  if (plan && plan.ambiguous_filters.length > 0) {
    warnings.push({
      code: 'AMBIGUOUS_OVERLAP',
      message: `${lane_refusal === null ? '' : `${lane_refusal} `}Overlapping topic filters share a connection, so this broker may deliver a message twice: ${listed(
        plan.ambiguous_filters.map((filter) => `"${filter}"`),
      )}. MQTT 5 avoids it.`,
    });
  }
  if (first.broker.clean_session) {
    warnings.push({
      code: 'CLEAN_SESSION',
      message: 'The session is not kept at the broker: messages are lost while the listener is not connected.',
    });
  }
  const latest = (of: (link: BrokerLink) => number | null): string | null => {
    const at_ms = Math.max(...links.map((link) => of(link) ?? 0));
    return at_ms > now.getTime() - REMINDED_FOR_MS ? new Date(at_ms).toISOString() : null;
  };
  if (links.some((link) => link.keeps_no_sessions)) {
    warnings.push({
      code: 'SESSIONS_NOT_KEPT',
      message:
        'The broker has never confirmed that it kept the session: messages of the time without a connection are lost.',
    });
  }
  const lost_at = latest((link) => link.session_lost_at_ms);
  if (lost_at !== null) {
    warnings.push({
      code: 'SESSION_LOST',
      message: `At ${lost_at} the broker no longer had the session: messages of the time without connection may be missing.`,
    });
  }
  const taken_at = latest((link) => link.taken_over_at_ms);
  if (taken_at !== null) {
    warnings.push({
      code: 'CLIENT_ID_TAKEN_OVER',
      message: `Last at ${taken_at} another client connected with the client id "${first.client_id}": each of the two ends the other's connection.`,
    });
  }
  const flapping_at = latest((link) => link.flapping_at_ms);
  if (flapping_at !== null) {
    warnings.push({
      code: 'CONNECTION_FLAPS',
      message: `Last at ${flapping_at} connections ended soon after they were made, again and again, and the broker gave no reason: the network may cut them, or another client uses the client id "${first.client_id}" on a broker that does not say so (Mosquitto 2.0).`,
    });
  }
  return [...warnings, ...messagesMayWait(left === null ? [] : [left], first.broker, now)];
}

/** For a while after brokers were left that keep the session. `used`: the one in use. */
export function messagesMayWait(
  left: readonly LeftBroker[],
  used: Pick<BrokerConnection, 'name'> | null,
  now: Date,
): SessionSnapshot['warnings'] {
  if (used === null) return [];
  return left
    .filter(({ at_ms }) => at_ms > now.getTime() - REMINDED_FOR_MS)
    .map(({ broker, at_ms }) => ({
      code: 'MESSAGES_MAY_WAIT',
      message: `"${broker.name}" was left at ${new Date(at_ms).toISOString()} and keeps the session: what is published there from then on waits until the next failover, for ${broker.session_expiry_s} s at most. Publish to "${used.name}" again.`,
    }));
}

/** The certificate was read when the connection came about, which may be long ago. */
function withDaysLeft(tls: TlsDetail, now: Date): TlsDetail {
  const aged = (certificate: CertificateDetail): CertificateDetail => ({
    ...certificate,
    days_left: Math.floor((Date.parse(certificate.valid_to) - now.getTime()) / DAY_MS),
  });
  return { ...tls, certificate: tls.certificate && aged(tls.certificate), issuers: tls.issuers.map(aged) };
}
