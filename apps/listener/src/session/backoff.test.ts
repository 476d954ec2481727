import { Backoff, DEFAULT_BACKOFF } from './backoff';

const AT_MOST = () => 0.999_999_9;

/** The waits of a backoff whose tries fail at once. */
function waitsOf(random: () => number, count: number): number[] {
  let now_ms = 1_000_000;
  const backoff = new Backoff(DEFAULT_BACKOFF, random, () => now_ms);
  return Array.from({ length: count }, () => {
    const wait_ms = backoff.next('failed');
    now_ms += wait_ms;
    return wait_ms;
  });
}

it('has a window for each try, and it doubles up to the cap', () => {
  expect(waitsOf(AT_MOST, 9)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(waitsOf(() => 0.5, 4)).toEqual([500, 1_500, 3_000, 6_000]);
});

it('begins the window anew after a try that took longer than the wait', () => {
  let now_ms = 0;
  const backoff = new Backoff(
    DEFAULT_BACKOFF,
    () => 0.5,
    () => now_ms,
  );
  expect(backoff.next('failed')).toBe(500);
  now_ms = 30_000;
  expect(backoff.next('failed')).toBe(1_000);
});

it.each([300, 1_000, 2_500, 5_000, 9_000, 14_000])(
  'brings a crowd back evenly when the broker was away for %i ms: no second has more than twice the share of each',
  (away_ms) => {
    const crowd = 20_000;
    let seed = 42;
    // Numerical Recipes' generator: the same crowd each time.
    const random = () => {
      seed = (1_664_525 * seed + 1_013_904_223) % 2 ** 32;
      return seed / 2 ** 32;
    };
    const back_at_ms = Array.from({ length: crowd }, () => {
      let now_ms = 0;
      const backoff = new Backoff(DEFAULT_BACKOFF, random, () => now_ms);
      while (now_ms < away_ms) now_ms += Math.max(1, backoff.next('failed'));
      return now_ms - away_ms;
    });
    const seconds = Math.ceil(Math.max(...back_at_ms) / 1_000);
    const bins = new Array<number>(seconds + 1).fill(0);
    for (const at_ms of back_at_ms) bins[Math.floor(at_ms / 1_000)]! += 1;
    expect(Math.max(...bins)).toBeLessThanOrEqual((2 * crowd) / seconds);
  },
);

it('draws evenly from the whole window, from 0 on', () => {
  expect(new Backoff(DEFAULT_BACKOFF, () => 0).next('failed')).toBe(0);
  expect(new Backoff(DEFAULT_BACKOFF, () => 0.25).next('failed')).toBe(250);
});

it('waits long after refusals and goes on for ever', () => {
  const backoff = new Backoff(DEFAULT_BACKOFF, () => 0);
  const waits = Array.from({ length: 100 }, () => backoff.next('refused'));
  expect(waits.slice(0, 3)).toEqual([7_500, 15_000, 30_000]);
  expect(Math.max(...waits)).toBe(150_000);
});

it('begins anew after a reset', () => {
  const backoff = new Backoff(DEFAULT_BACKOFF, AT_MOST);
  backoff.next('failed');
  backoff.next('failed');
  backoff.reset();
  expect(backoff.next('failed')).toBe(1_000);
});
