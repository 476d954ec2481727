import { count, duration, relativeTime } from './relative-time';

const NOW = Date.parse('2026-03-01T12:00:00Z');

describe('relative times', () => {
  it.each([
    ['2026-03-01T11:59:58Z', 'just now'],
    ['2026-03-01T12:00:02Z', 'in a moment'],
    ['2026-03-01T11:59:20Z', '40 sec. ago'],
    ['2026-03-01T11:57:10Z', '2 min. ago'],
    ['2026-03-01T15:00:00Z', 'in 3 hr.'],
    ['2026-02-27T12:00:00Z', '2 days ago'],
  ])('tells %s as %s', (at, expected) => {
    expect(relativeTime(at, NOW)).toBe(expected);
  });
});

describe('durations', () => {
  it.each([
    [0.4, '400 µs'],
    [3.26, '3.3 ms'],
    [45.4, '45 ms'],
    [1_420, '1.4 s'],
    [125_000, '2 min'],
    [7_300_000, '2 h'],
    [259_200_000, '3 d'],
  ])('tells %d ms as %s', (ms, expected) => {
    expect(duration(ms)).toBe(expected);
  });
});

describe('counts', () => {
  it('keeps digits while they can be read', () => {
    expect(count(12_345)).toBe('12,345');
    expect(count(12_345_678)).toBe('12.3M');
  });
});
