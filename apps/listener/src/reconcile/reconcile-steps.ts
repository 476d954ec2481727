import { isDeepStrictEqual } from 'node:util';
import { ARCHIVE_FILTER_ID, type ListenerConfigDocument, type QoS } from '@cortex-mqtt/contracts';
import { takesTurns } from '@cortex-mqtt/mqtt';
import { probeSubscription } from '../probe/delivery-probe';
import type { DesiredSession } from '../session/mqtt-session';

/** What is to be done, in this order, so that the applied state becomes the desired one. */
export type ReconcileStep =
  /** Run messages by the new subscriptions, filters and actions; deliveries in flight end under their own revision. */
  | { kind: 'swap-plan' }
  /** Connect to the brokers and subscribe, for the first time or after a pause. */
  | { kind: 'start-session' }
  /** Brokers or topic filters differ: the session finds out which and changes only those. */
  | { kind: 'reconcile-session' }
  /** The product is disabled, or it's another instance's turn: disconnect, the session at the broker stays. */
  | { kind: 'stop-session' }
  /** Somebody asked for it: reconnect. */
  | { kind: 'reconnect' };

export interface AppliedState {
  document: ListenerConfigDocument;
  is_session_running: boolean;
  /** An attempt to apply another document broke off: what runs may be a part of that, so nothing counts as done. */
  is_unsure?: boolean;
}

/**
 * The steps from `applied` (null at first) to `desired`. Pure: nothing happens here. `may_run`: this instance is the one
 * whose turn it is.
 */
export function reconcileSteps(
  desired: ListenerConfigDocument,
  applied: AppliedState | null,
  { may_run, instance_id }: { may_run: boolean; instance_id: string },
): ReconcileStep[] {
  const steps: ReconcileStep[] = [];
  const before = applied?.document;
  const is_unsure = applied?.is_unsure ?? false;
  if (!before || is_unsure || before.revision !== desired.revision || !isDeepStrictEqual(before, desired))
    steps.push({ kind: 'swap-plan' });
  if (!desired.enabled || !may_run) {
    if (applied?.is_session_running) steps.push({ kind: 'stop-session' });
    return steps;
  }
  if (!applied?.is_session_running) return [...steps, { kind: 'start-session' }];
  // Another client id: another session at the broker. After an attempt that broke off it may be either.
  if (is_unsure || takesTurns(applied.document) !== takesTurns(desired))
    return [...steps, { kind: 'stop-session' }, { kind: 'start-session' }];
  if (!isDeepStrictEqual(sessionPart(applied.document, instance_id), sessionPart(desired, instance_id)))
    steps.push({ kind: 'reconcile-session' });
  if (desired.reconnect_generation > applied.document.reconnect_generation) steps.push({ kind: 'reconnect' });
  return steps;
}

/** Filters that are subscribed to for the archive's sake alone. */
function archiveFilters({ archive, subscriptions }: ListenerConfigDocument): DesiredSession['subscriptions'] {
  if (!archive?.enabled || archive.scope === 'dead') return [];
  // The best that any subscription asks for: a record must not miss what an action would have had.
  const qos = subscriptions.reduce<QoS>((best, subscription) => (subscription.qos > best ? subscription.qos : best), 1);
  const wanted = archive.scope === 'everything' ? archive.filters : [];
  return [
    ...archive.paused,
    ...wanted.map((topic_filter, index) => ({ id: ARCHIVE_FILTER_ID - index, topic_filter, qos })),
  ];
}

/** The part of a document that the session at the broker depends on. */
export function sessionPart(document: ListenerConfigDocument, instance_id: string): DesiredSession {
  const subscriptions = document.subscriptions.map(({ id, topic_filter, qos }) => ({ id, topic_filter, qos }));
  subscriptions.push(...archiveFilters(document));
  if (document.probe) subscriptions.push(probeSubscription(document.probe, instance_id));
  return {
    brokers: document.brokers,
    failover: document.failover,
    shared_group: document.shared_group,
    subscriptions,
  };
}
