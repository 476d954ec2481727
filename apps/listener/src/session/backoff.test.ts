import { Backoff, DEFAULT_BACKOFF } from './backoff';

const AT_MOST = () => 0.999_999_9;

it('draws from a window that doubles up to the cap', () => {
  const backoff = new Backoff(DEFAULT_BACKOFF, AT_MOST);
  const waits = Array.from({ length: 9 }, () => backoff.next('failed'));
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(backoff.attempt).toBe(9);
});

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
