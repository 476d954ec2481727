import type { SilenceWatch } from '@cortex-mqtt/contracts';
import { SilenceWatcher } from './silence-watcher';

const subscription = { id: 1, topic_filter: 'plant/+/state', wildcard_names: ['device'] };
const watchOf = (overrides: Partial<SilenceWatch> = {}): SilenceWatch => ({
  rule_id: 7,
  subscription_id: null,
  parameter: 'device',
  limit_s: 10,
  usual_gap_factor: null,
  last_heard_ms: {},
  ...overrides,
});

describe('the silence watcher', () => {
  let now_ms = 0;
  let watcher: SilenceWatcher;
  const hear = (device: string): void => watcher.heard(subscription, `plant/${device}/state`, now_ms);
  const silent = (): string[] => watcher.silent().map(({ key }) => key);

  beforeEach(() => {
    now_ms = 1_000_000;
    watcher = new SilenceWatcher(() => now_ms);
  });

  it('names each device that has stopped, and takes it back when it is heard', () => {
    watcher.use([watchOf()]);
    hear('a');
    hear('b');
    now_ms += 9_000;
    hear('b');
    now_ms += 2_000;
    expect(silent()).toEqual(['a']);
    expect([watcher.hasChanged(), watcher.hasChanged()]).toEqual([true, false]);
    hear('a');
    expect(silent()).toEqual([]);
    expect(watcher.hasChanged()).toBe(true);
  });

  it('keeps what it knows when the same watch comes again, and knows after a restart what the orchestrator knew', () => {
    watcher.use([watchOf()]);
    hear('a');
    now_ms += 11_000;
    watcher.use([watchOf({ last_heard_ms: { gone: now_ms - 60_000 } })]);
    expect(silent()).toEqual(['gone', 'a']);
    watcher.use([]);
    expect(silent()).toEqual([]);
  });

  it('learns the usual gap of each device, and says nothing before', () => {
    watcher.use([watchOf({ limit_s: 1, usual_gap_factor: 3 })]);
    for (let index = 0; index < 4; index += 1) {
      hear('a');
      now_ms += 10_000;
    }
    now_ms += 1_000_000;
    expect(silent()).toEqual([]);
    for (let index = 0; index < 30; index += 1) {
      now_ms += 10_000;
      hear('a');
    }
    now_ms += 29_000;
    expect(silent()).toEqual([]);
    now_ms += 6_000;
    expect(silent()).toEqual(['a']);
  });

  it('follows a whole that has never been heard from the moment it is asked to', () => {
    watcher.use([watchOf({ parameter: null })]);
    expect(silent()).toEqual([]);
    now_ms += 10_001;
    expect(silent()).toEqual(['']);
  });

  it('follows 10,000 devices and no more', () => {
    watcher.use([watchOf()]);
    for (let index = 0; index < 10_050; index += 1) hear(`device-${index}`);
    now_ms += 11_000;
    expect(watcher.silent()).toHaveLength(10_000);
  });
});
