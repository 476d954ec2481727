import { UnmatchedMessages } from './unmatched-messages';

it('names what no subscription matches, after the leftovers of a change have come, and for a while', () => {
  let now_ms = 0;
  const unmatched = new UnmatchedMessages(() => now_ms);
  unmatched.planChanged();
  unmatched.add({ topic: 'left/over' });
  expect(unmatched.warnings()).toEqual([]);
  now_ms = 31_000;
  for (let index = 0; index < 100; index += 1) unmatched.add({ topic: `mount/${index}` });
  unmatched.add({ topic: 'mount/5' });
  expect(unmatched.topics()).toHaveLength(20);
  expect(unmatched.warnings()).toEqual([
    { code: 'UNMATCHED_MESSAGES', message: expect.stringContaining('101 messages that no subscription matches') },
  ]);
  expect(unmatched.warnings()[0]?.message).toContain('"mount/5", "mount/99", "mount/98"');
  now_ms += 3_600_001;
  expect(unmatched.warnings()).toEqual([]);
});
