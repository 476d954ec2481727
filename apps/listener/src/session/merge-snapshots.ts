import { type LeftBroker, messagesMayWait, type SessionSnapshot, type SessionState } from './session-snapshot';

export interface SnapshotsToMerge {
  /** In the order of the list of brokers. */
  staying: readonly SessionSnapshot[];
  /** Of brokers that are about to be left. */
  leaving: readonly SessionSnapshot[];
  left: readonly LeftBroker[];
  now: Date;
}

/** What sessions at several brokers are together; a single one stays what it is. */
export function mergeSnapshots({ staying, leaving, left, now }: SnapshotsToMerge): SessionSnapshot {
  const all = [...staying, ...leaving];
  const connected = staying.filter(isConnected);
  const first = connected[0] ?? staying[0] ?? NOTHING_YET;
  const down = staying.filter((snapshot) => !isConnected(snapshot));
  const waiting = left.filter(({ broker }) => broker.name !== first.broker?.name);
  const recovering = down.find(({ recovery }) => recovery !== null)?.recovery ?? null;
  return {
    ...first,
    ...(staying.length > 1 ? mergedState(staying) : {}),
    connected_at: latest(connected.map(({ connected_at }) => connected_at)) ?? first.connected_at,
    disconnected_at: latest(staying.map(({ disconnected_at }) => disconnected_at)),
    // Another instance may reach what this one can't, unless every broker was reached and refuses.
    recovery: recovering && { ...recovering, is_refused: down.every(({ recovery }) => recovery?.is_refused === true) },
    topic_filters:
      staying.length > 1 ? staying.flatMap(namedFilters) : staying.flatMap(({ topic_filters }) => topic_filters),
    warnings: [
      ...(staying.length > 1 ? staying.flatMap(namedWarnings) : first.warnings),
      ...messagesMayWait(waiting, first.broker, now),
    ],
    oldest_unacknowledged_ms: highest(all.map(({ oldest_unacknowledged_ms }) => oldest_unacknowledged_ms)),
    in_flight: all.reduce((sum, { in_flight }) => sum + in_flight, 0),
    brokers: all.flatMap(({ brokers }) => brokers),
  };
}

/** Before the first configuration. */
const NOTHING_YET: SessionSnapshot = {
  state: 'starting',
  state_since: new Date().toISOString(),
  reason: null,
  reason_code: null,
  advice: null,
  broker: null,
  broker_info: {},
  client_id: null,
  connected_at: null,
  disconnected_at: null,
  recovery: null,
  topic_filters: [],
  warnings: [],
  oldest_unacknowledged_ms: null,
  in_flight: 0,
  brokers: [],
};

const isConnected = ({ state }: SessionSnapshot): boolean => state === 'connected' || state === 'degraded';

/** Well is only what is healthy at every broker; down is only what is down at every one. */
function mergedState(snapshots: readonly SessionSnapshot[]): SessionState {
  const states = snapshots.map(({ state }) => state);
  if (states.every((state) => state === states[0]) && states[0] !== 'degraded' && states[0] !== 'disconnected') {
    return { state: states[0] ?? 'starting', reason: null, reason_code: null, advice: null };
  }
  const faulty =
    snapshots.find(({ state }) => state === 'disconnected') ??
    snapshots.find(({ state }) => state === 'degraded') ??
    snapshots.find(({ state }) => state !== 'connected');
  if (!faulty) return { state: 'connected', reason: null, reason_code: null, advice: null };
  if (!snapshots.some(isConnected)) {
    return { ...stateOf(faulty), state: states.includes('disconnected') ? 'disconnected' : faulty.state };
  }
  if (isConnected(faulty)) return { ...stateOf(faulty), state: 'degraded' };
  const well = snapshots.filter(isConnected).length;
  return {
    state: 'degraded',
    reason: `Connected to ${well} of ${snapshots.length} brokers. Not to "${nameOf(faulty)}": ${faulty.reason ?? 'still connecting.'}`,
    reason_code: 'BROKER_NOT_CONNECTED',
    advice: faulty.advice,
  };
}

const nameOf = ({ broker }: SessionSnapshot): string => broker?.name ?? 'one';

const stateOf = (snapshot: SessionSnapshot): SessionState => ({
  state: snapshot.state,
  reason: snapshot.reason === null ? null : `"${nameOf(snapshot)}": ${snapshot.reason}`,
  reason_code: snapshot.reason_code,
  advice: snapshot.advice,
});

const namedFilters = (snapshot: SessionSnapshot): SessionSnapshot['topic_filters'] =>
  snapshot.topic_filters.map((filter) =>
    filter.refused === null ? filter : { ...filter, refused: `"${nameOf(snapshot)}": ${filter.refused}` },
  );

const namedWarnings = (snapshot: SessionSnapshot): SessionSnapshot['warnings'] =>
  snapshot.warnings.map(({ code, message }) => ({ code, message: `"${nameOf(snapshot)}": ${message}` }));

// RFC 3339 in UTC with fixed digits sorts as text.
const latest = (times: (string | null)[]): string | null =>
  times
    .filter((time) => time !== null)
    .sort()
    .at(-1) ?? null;

const highest = (values: (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
};
