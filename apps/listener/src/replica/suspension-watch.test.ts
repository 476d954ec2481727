import { SuspensionWatch } from './suspension-watch';

function buildWatch() {
  const clock = { monotonic_ms: 0, wall_ms: 1_000_000 };
  const gaps: number[] = [];
  const watch = new SuspensionWatch({
    limit_ms: 5_000,
    onSuspended: (gap_ms) => gaps.push(gap_ms),
    now: () => ({ ...clock }),
  });
  watch.stop();
  return { watch, clock, gaps };
}

describe('a watch for suspensions', () => {
  it('says once how long the process did not run, by whichever clock went on', () => {
    const { watch, clock, gaps } = buildWatch();
    clock.monotonic_ms += 9_000;
    watch.look();
    watch.look();
    // The machine was paused.
    clock.wall_ms += 60_000;
    watch.look();
    expect(gaps).toEqual([9_000, 60_000]);
  });

  it('is content with a process that looks in time, and with a wall clock that is set back', () => {
    const { watch, clock, gaps } = buildWatch();
    for (let look = 0; look < 20; look += 1) {
      clock.monotonic_ms += 1_000;
      clock.wall_ms += 1_000;
      watch.look();
    }
    clock.wall_ms -= 3_600_000;
    watch.look();
    expect(gaps).toEqual([]);
  });
});
