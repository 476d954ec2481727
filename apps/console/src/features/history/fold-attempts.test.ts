import type { ConnectionEvent } from '../../api/types';
import { foldAttempts } from './fold-attempts';

let next = 100;
function event(type: string, detail: Record<string, unknown> = {}): ConnectionEvent {
  next -= 1;
  const at = new Date(Date.UTC(2026, 0, 1, 0, next)).toISOString();
  return { id: next, at, instance_id: 'edge-1', type, broker: 'primary', detail };
}
const failed = (cause: string) => event('connect_failed', { cause });

it('folds attempts that failed alike into the newest, and nothing else', () => {
  const events = [failed('refused'), failed('refused'), failed('refused'), failed('no such host'), event('connected')];
  const folded = foldAttempts(events);
  expect(folded.map((one) => [one.event.id, one.count, one.since])).toEqual([
    [events[0]?.id, 3, events[2]?.at],
    [events[3]?.id, 1, events[3]?.at],
    [events[4]?.id, 1, events[4]?.at],
  ]);
});

it('does not fold across something that happened in between', () => {
  expect(foldAttempts([failed('refused'), event('connected'), failed('refused')]).map((one) => one.count)).toEqual([
    1, 1, 1,
  ]);
});
