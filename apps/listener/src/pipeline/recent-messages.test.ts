import type { PipelineMessage } from './pipeline-message';
import { createSampleBudget, RecentMessages } from './recent-messages';

const buildMessage = (topic: string, received_at_ms: number, bytes = 4): PipelineMessage => ({
  topic,
  payload: Buffer.alloc(bytes, 'x'),
  qos: 1,
  retain: false,
  duplicate: false,
  properties: {
    user_properties: {},
    content_type: null,
    response_topic: null,
    correlation_data: null,
    message_expiry_s: null,
    payload_is_utf8: false,
  },
  broker: 'primary',
  received_at_ms,
  settle: () => {},
});

describe('the recent messages of subscriptions', () => {
  it('cost a burst over many subscriptions no more copies than one over few', () => {
    const budget = createSampleBudget({ per_window: 20, window_ms: 50 });
    const all = Array.from({ length: 1_000 }, () => new RecentMessages({ budget }));
    for (const recent of all) recent.offer(buildMessage('t', 1_000));
    expect(all.filter((recent) => recent.list().length > 0)).toHaveLength(20);
  });

  it('are kept again as soon as the window is over', () => {
    const budget = createSampleBudget({ per_window: 1, window_ms: 50 });
    const [one, two] = [new RecentMessages({ budget }), new RecentMessages({ budget })];
    one.offer(buildMessage('t', 1_000));
    two.offer(buildMessage('t', 1_049));
    expect(two.list()).toEqual([]);
    two.offer(buildMessage('t', 1_050));
    expect(two.list()).toHaveLength(1);
  });

  it('never hold more bytes than allowed, and still replace old ones by new ones', () => {
    const budget = createSampleBudget({ per_window: 1_000, max_bytes: 100 });
    const recent = new RecentMessages({ budget, size: 2, at_most_every_ms: 0 });
    const other = new RecentMessages({ budget });
    for (let n = 0; n < 5; n += 1) recent.offer(buildMessage(`t${n}`, 1_000 + n, 50));
    other.offer(buildMessage('t', 2_000, 50));
    expect(recent.list().map(({ topic }) => topic)).toEqual(['t4', 't3']);
    expect(other.list()).toEqual([]);
    recent.forget();
    other.offer(buildMessage('t', 3_000, 50));
    expect(other.list()).toHaveLength(1);
  });
});
