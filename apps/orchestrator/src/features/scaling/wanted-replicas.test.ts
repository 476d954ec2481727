import { type ScalingFacts, wantedReplicas } from './wanted-replicas';

const wanted = (overrides: Partial<ScalingFacts> = {}) =>
  wantedReplicas({
    enabled: true,
    is_shared: true,
    replicas: 1,
    connected: 1,
    backlog: 0,
    acknowledgement_age_ms: null,
    kept_sessions: 0,
    ...overrides,
  });

describe('wanted replicas', () => {
  it.each<[string, Partial<ScalingFacts>, number]>([
    ['is one for an idle group', {}, 1],
    ['is never below what the product says', { replicas: 3, connected: 3 }, 3],
    ['grows with the backlog', { connected: 4, backlog: 5_500 }, 6],
    ['at most doubles at once', { connected: 2, backlog: 100_000 }, 4],
    ['has an upper end', { connected: 40, backlog: 1_000_000 }, 50],
    ['grows by one while acknowledgements are late', { connected: 2, acknowledgement_age_ms: 6_000 }, 3],
    ['shrinks when nothing waits', { connected: 8, backlog: 10, acknowledgement_age_ms: 20 }, 1],
    ['stays where nothing is shared', { is_shared: false, replicas: 2, backlog: 100_000 }, 2],
    ['is for the first listener, too, when none is connected', { connected: 0, backlog: 10_000 }, 2],
    ['is none for a product that is off', { enabled: false }, 0],
    ['is one for a product that is off while a broker keeps its session', { enabled: false, kept_sessions: 1 }, 1],
  ])('%s', (_name, facts, expected) => {
    expect(wanted(facts)).toBe(expected);
  });
});
