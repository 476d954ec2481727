import { fateOf } from './fate';

const OPEN = { isQueueOpen: true, isMemoryOpen: true, isDraining: false };
const build = (overrides: Partial<Parameters<typeof fateOf>[0]> = {}): Parameters<typeof fateOf>[0] => ({
  phase: 'running',
  journal: 'none',
  isOver: false,
  isOffered: false,
  ordering_key: null,
  ...overrides,
});

it('leases what is worked on, also when the memory is full', () => {
  expect(fateOf(build(), OPEN)).toBe('lease');
  expect(fateOf(build(), { ...OPEN, isMemoryOpen: false })).toBe('lease');
});

it('leaves to the queue what waits for its next try, unless its key keeps it here', () => {
  expect(fateOf(build({ phase: 'paused', isOffered: true }), OPEN)).toBe('leave');
  expect(fateOf(build({ phase: 'paused', isOffered: true, ordering_key: 'k' }), OPEN)).toBe('lease');
});

it('leaves what waits for a place when the memory is full, and holds what is ordered', () => {
  const full = { ...OPEN, isMemoryOpen: false };
  expect(fateOf(build({ phase: 'waiting' }), full)).toBe('leave');
  expect(fateOf(build({ phase: 'laned', ordering_key: 'k' }), full)).toBe('wait');
});

it('writes nothing new into a queue at its bound, but dead letters', () => {
  const shut = { ...OPEN, isQueueOpen: false };
  expect(fateOf(build(), shut)).toBe('wait');
  expect(fateOf(build({ phase: 'dying' }), shut)).toBe('bury');
});

it('holds what would become a dead letter while those are at their bound', () => {
  expect(fateOf(build({ phase: 'dying' }), { ...OPEN, isDeadFull: true })).toBe('wait');
});

it('leaves everything but what runs when it stops', () => {
  const draining = { ...OPEN, isDraining: true };
  expect(fateOf(build({ phase: 'laned', ordering_key: 'k', journal: 'leased' }), draining)).toBe('leave');
  expect(fateOf(build(), draining)).toBe('lease');
});

it('touches nothing that is over, refused or under way', () => {
  expect(fateOf(build({ phase: 'ended', isOver: true }), OPEN)).toBe('forget');
  expect(fateOf(build({ journal: 'refused', phase: 'dying' }), OPEN)).toBe('forget');
  expect(fateOf(build({ journal: 'rewriting', phase: 'paused' }), OPEN)).toBe('wait');
});
