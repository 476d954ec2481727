import { boundsOf, refreshEvery_ms, windowIn, zoomTo } from './metric-window';

describe('the time that the charts show', () => {
  it('is the latest hour unless the address says otherwise', () => {
    expect(windowIn(new URLSearchParams())).toEqual({ kind: 'latest', range: '1h' });
    expect(windowIn(new URLSearchParams('range=7d'))).toEqual({ kind: 'latest', range: '7d' });
    expect(windowIn(new URLSearchParams('range=constructor'))).toEqual({ kind: 'latest', range: '1h' });
  });

  it('is a stretch when the address has one, and ignores one that makes no sense', () => {
    expect(windowIn(new URLSearchParams('range=6h&from=1000&to=2000'))).toEqual({
      kind: 'fixed',
      range: '6h',
      from_s: 1000,
      to_s: 2000,
    });
    for (const bad of ['from=2000&to=1000', 'from=abc&to=2000', 'from=1000']) {
      expect(windowIn(new URLSearchParams(bad)).kind).toBe('latest');
    }
  });

  it('is never narrower than a minute after a zoom', () => {
    expect(zoomTo(1000, 1010)).toEqual({ from_s: 975, to_s: 1035 });
    expect(zoomTo(1000.4, 1200.2)).toEqual({ from_s: 1000, to_s: 1201 });
  });

  it('goes on with the clock only while it ends now', () => {
    const fixed = { kind: 'fixed', range: '1h', from_s: 0, to_s: 60 } as const;
    expect(boundsOf(fixed, 9e12)).toEqual({ from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T00:01:00.000Z' });
    expect(refreshEvery_ms(fixed)).toBe(false);
    expect(boundsOf({ kind: 'latest', range: '15m' }, 900_000)).toEqual({
      from: '1970-01-01T00:00:00.000Z',
      to: '1970-01-01T00:15:00.000Z',
    });
    expect(refreshEvery_ms({ kind: 'latest', range: '15m' })).toBe(10_000);
  });
});
