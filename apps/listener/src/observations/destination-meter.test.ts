import { createBreakers } from '@cortex-mqtt/actions';
import { DestinationMeter } from './destination-meter';

describe('the destination meter', () => {
  let now_ms = 1_000_000;
  const attempt = {
    destination: 'https://a.example.com',
    action_type: 'webhook',
    subscription_id: 3,
    duration_ms: 10,
    error: null,
  };
  const build = () =>
    new DestinationMeter({ breakerOf: () => ({ state: 'closed', next_try_at_ms: null }), now_ms: () => now_ms });

  it('tells rate, latency and why attempts failed, over a minute', () => {
    const meter = build();
    for (let index = 0; index < 98; index += 1) meter.ended(attempt);
    meter.ended({ ...attempt, duration_ms: 900, error: 'the destination answered 503' });
    meter.ended({ ...attempt, duration_ms: 900, error: 'the destination answered 503' });
    const [report] = meter.report();
    expect(report).toMatchObject({
      attempts: 100,
      failed: 2,
      failures: [{ reason: 'the destination answered 503', count: 2 }],
      subscription_ids: [3],
    });
    expect(report?.latency_ms?.p50).toBeGreaterThanOrEqual(10);
    expect(report?.latency_ms?.p50).toBeLessThan(13);
    expect(report?.latency_ms?.p99).toBeGreaterThanOrEqual(900);
    now_ms += 61_000;
    expect(meter.report()).toMatchObject([
      { attempts: 0, failed: 0, latency_ms: null, last_error: 'the destination answered 503' },
    ]);
  });

  it('names those in trouble first, and not more than a report holds', () => {
    const meter = build();
    for (let index = 0; index < 600; index += 1)
      meter.ended({ ...attempt, destination: `https://${index}.example.com` });
    meter.ended({ ...attempt, destination: 'https://bad.example.com', error: 'no connection' });
    const report = meter.report();
    expect(report).toHaveLength(50);
    expect(report[0]?.name).toBe('https://bad.example.com');
  });
});

describe('the breaker of a destination', () => {
  const fail = () => Promise.reject(new Error('no connection'));

  it('says when it is tried next, can be tried now, and opens again at once when that fails', async () => {
    const breakers = createBreakers({ failures: 2, pause_ms: 60_000 });
    const run = (work: () => Promise<unknown>) =>
      Promise.resolve(breakers.breakerFor('a').run(work)).catch((error: Error) => error.message);
    await run(fail);
    await run(fail);
    expect(breakers.facts('a')).toMatchObject({ state: 'open', next_try_at_ms: expect.any(Number) });
    expect(await run(async () => 'reached')).toMatch(/left alone/);
    breakers.tryNow('a');
    expect(await run(fail)).toBe('no connection');
    expect(breakers.facts('a').state).toBe('open');
    breakers.tryNow('a');
    expect(await run(async () => 'reached')).toBe('reached');
    // From then on it is as any other: one failure opens nothing.
    await run(fail);
    expect(breakers.facts('a')).toEqual({ state: 'closed', next_try_at_ms: null });
  });

  it('can be closed by hand', async () => {
    const breakers = createBreakers({ failures: 1, pause_ms: 60_000 });
    await Promise.resolve(breakers.breakerFor('a').run(fail)).catch(() => undefined);
    expect(breakers.facts('a').state).toBe('open');
    breakers.close('a');
    expect(breakers.facts('a').state).toBe('closed');
    expect(await breakers.breakerFor('a').run(async () => 'reached')).toBe('reached');
  });
});
