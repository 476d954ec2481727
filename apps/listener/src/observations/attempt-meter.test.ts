import { AttemptMeter } from './attempt-meter';

describe('the meter of attempts', () => {
  it('counts by subscription and type, with durations that add up', () => {
    const meter = new AttemptMeter();
    meter.ended({ subscription_id: 3, action_type: 'webhook', duration_ms: 40, error: null });
    meter.ended({ subscription_id: 3, action_type: 'webhook', duration_ms: 900, error: 'answered 500' });
    meter.ended({ subscription_id: 3, action_type: 'log', duration_ms: 1, error: null });
    const [webhook, log] = meter.series();
    expect(webhook).toMatchObject({ subscription: '3', action_type: 'webhook', succeeded: 1, failed: 1 });
    expect(webhook?.durations.cumulative([50, 1_000])).toMatchObject({ at_most: [1, 2], count: 2 });
    expect(log).toMatchObject({ action_type: 'log', succeeded: 1, failed: 0 });
  });

  it('keeps a bounded number of series and loses no attempt', () => {
    const meter = new AttemptMeter();
    for (let id = 1; id <= 1_000; id += 1)
      meter.ended({ subscription_id: id, action_type: 'log', duration_ms: 1, error: null });
    const series = meter.series();
    expect(series.length).toBeLessThanOrEqual(201);
    expect(series.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(1_000);
    expect(series.find(({ subscription }) => subscription === '')?.succeeded).toBe(800);
  });
});
