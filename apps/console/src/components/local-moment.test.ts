import { instantOf, localMoment } from './local-moment';

describe('a local moment', () => {
  it('is written to the minute, and read back as the same moment', () => {
    const at = new Date(2026, 2, 1, 4, 5);
    expect(localMoment(at)).toBe('2026-03-01T04:05');
    expect(instantOf(localMoment(at))).toBe(at.toISOString());
  });

  it('begins the day where a day stands alone', () => {
    expect(instantOf('2026-03-01')).toBe(new Date(2026, 2, 1).toISOString());
  });

  it('is nothing while there is none, or none that can be read', () => {
    expect(instantOf('')).toBeUndefined();
    expect(instantOf('yesterday')).toBeUndefined();
  });
});
