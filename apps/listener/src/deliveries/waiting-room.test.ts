import { WaitingRoom } from './waiting-room';

describe('where deliveries from the queue wait for a place', () => {
  const small = { subscription_id: 1, length: 10 };

  it('takes in as many as it has room for, by number and by length, and one of any length when it is empty', () => {
    const room = new WaitingRoom({ count: 3, length: 100 });
    const huge = { subscription_id: 2, length: 1_000 };
    expect(room.enter(huge)).toBe(true);
    expect(room.enter(small)).toBe(false);
    room.leave(huge);
    expect([small, small, small, small].map((each) => room.enter(each))).toEqual([true, true, true, false]);
    room.leave(small);
    expect(room.enter(huge)).toBe(false);
  });

  it('spreads those that go back over time, each subscription by itself, long ones further apart', () => {
    const room = new WaitingRoom({ count: 0, length: 0 });
    const first = room.pauseOf(small);
    expect(room.pauseOf({ subscription_id: 1, length: 10_000_000 })).toBeGreaterThan(first + 400);
    expect(room.pauseOf({ subscription_id: 2, length: 10 })).toBeLessThan(first + 400);
    const pauses = Array.from({ length: 100_000 }, () => room.pauseOf(small));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...pauses)).toBeLessThan(121_000);
  });
});
