import type { StatusReport } from '@cortex-mqtt/contracts';
import type { BrokerLink, LinkFailure } from './broker-link';
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
>;

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

/** Things that work and are unsafe or unsure. */
export function deriveWarnings(
  links: readonly BrokerLink[],
  plan: SubscriptionPlan | null,
): SessionSnapshot['warnings'] {
  const warnings: SessionSnapshot['warnings'] = [];
  const [first] = links;
  if (first && first.broker.password !== null && ['tcp', 'ws'].includes(first.broker.transport)) {
    warnings.push({
      code: 'PASSWORD_WITHOUT_TLS',
      message: 'The password travels in plain text. Use TLS where the broker offers it.',
    });
  }
  if (plan && plan.ambiguous_filters.length > 0) {
    warnings.push({
      code: 'AMBIGUOUS_OVERLAP',
      message: `Overlapping topic filters share a connection, so this broker may deliver a message twice: ${listed(
        plan.ambiguous_filters.map((filter) => `"${filter}"`),
      )}. MQTT 5 avoids it.`,
    });
  }
  if (first?.broker.clean_session) {
    warnings.push({
      code: 'CLEAN_SESSION',
      message: 'The session is not kept at the broker: messages are lost while the listener is not connected.',
    });
  }
  return warnings;
}
