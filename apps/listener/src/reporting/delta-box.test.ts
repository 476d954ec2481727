import { DeltaBox } from './delta-box';

const counters = (subscription_id: number, messages_received: number) => ({
  subscription_id,
  messages_received,
  actions_executed: messages_received,
  actions_failed: 0,
  last_message_at: '2026-01-01T00:00:00.000Z',
});
const event = (n: number) => ({
  at: '2026-01-01T00:00:00.000Z',
  type: 'connected' as const,
  broker: null,
  detail: { n },
});

describe('DeltaBox', () => {
  it('tells nothing under the last sequence while there is nothing to tell', () => {
    expect(new DeltaBox().next()).toEqual({ sequence: 0, subscriptions: [], events: [] });
  });

  it('repeats an unconfirmed delta unchanged, and gathers what comes meanwhile for the next', () => {
    const box = new DeltaBox();
    box.addCounters(counters(1, 2));
    const first = box.next();
    box.addCounters(counters(1, 5));
    box.addEvent(event(1));
    expect(box.next()).toEqual(first);
    box.confirm(first.sequence);
    expect(box.next()).toEqual({ sequence: 2, subscriptions: [counters(1, 5)], events: [event(1)] });
  });

  it('adds up the counters of a subscription', () => {
    const box = new DeltaBox();
    box.addCounters(counters(1, 2));
    box.addCounters(counters(1, 3));
    expect(box.next().subscriptions).toEqual([counters(1, 5)]);
  });

  it('is not confirmed by an older sequence', () => {
    const box = new DeltaBox();
    box.addCounters(counters(1, 1));
    box.confirm(box.next().sequence);
    box.addCounters(counters(1, 7));
    const second = box.next();
    box.confirm(1);
    expect(box.next()).toEqual(second);
  });

  it('spreads many events over several deltas, in order, none lost', () => {
    const box = new DeltaBox();
    for (let n = 0; n < 1_200; n += 1) box.addEvent(event(n));
    const told: unknown[] = [];
    while (told.length < 1_200) {
      const delta = box.next();
      told.push(...delta.events.map(({ detail }) => detail.n));
      box.confirm(delta.sequence);
    }
    expect(told).toEqual(Array.from({ length: 1_200 }, (_, n) => n));
  });
});
