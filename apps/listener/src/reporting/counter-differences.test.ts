import { createCounterDifferences } from './counter-differences';

const totals = (messages_received: number, subscription_id = 1) => ({
  subscription_id,
  messages_received,
  actions_executed: messages_received * 2,
  actions_failed: 0,
  last_message_at: null,
});

describe('counter differences', () => {
  it('tells what has come since the last time, and nothing of quiet subscriptions', () => {
    const differences = createCounterDifferences();
    expect(differences([totals(3), totals(0, 2)])).toEqual([totals(3)]);
    expect(differences([totals(3), totals(1, 2)])).toEqual([totals(1, 2)]);
    expect(differences([totals(10), totals(1, 2)])).toEqual([totals(7)]);
  });

  it('begins anew with a subscription that was taken away and came again', () => {
    const differences = createCounterDifferences();
    differences([totals(50)]);
    expect(differences([totals(4)])).toEqual([totals(4)]);
  });
});
