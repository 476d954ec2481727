import 'reflect-metadata';
import { type HealthFacts, productHealth } from './product-health';

const build = (overrides: Partial<HealthFacts> = {}): HealthFacts => ({
  enabled: true,
  state: 'connected',
  connection_error: null,
  queue_depth: 0,
  oldest_queued_ms: null,
  oldest_unacknowledged_ms: null,
  dead_letters: 0,
  destinations: [],
  ...overrides,
});
const destination = {
  name: 'https://a.example.com',
  breaker: 'closed' as const,
  attempts: 10,
  failed: 0,
  last_error: null,
};

describe('the health of a product', () => {
  it.each<[string, Partial<HealthFacts>, string, string | undefined]>([
    ['healthy when nothing is wrong', { destinations: [destination] }, 'healthy', undefined],
    ['disabled whatever else is wrong', { enabled: false, state: 'stale', dead_letters: 3 }, 'disabled', undefined],
    ['failing without a connection', { state: 'disconnected' }, 'failing', 'connection'],
    ['degraded with something of the connection missing', { state: 'degraded' }, 'degraded', 'connection'],
    ['degraded with a dead letter', { dead_letters: 1 }, 'degraded', 'deliveries'],
    ['degraded when the queue has waited for long', { oldest_queued_ms: 20 * 60_000 }, 'degraded', 'queue'],
    ['failing when the queue has waited for an hour', { oldest_queued_ms: 60 * 60_000 }, 'failing', 'queue'],
    [
      'failing when a breaker is open',
      { destinations: [{ ...destination, breaker: 'open' }] },
      'failing',
      'destinations',
    ],
    ['degraded when most attempts fail', { destinations: [{ ...destination, failed: 6 }] }, 'degraded', 'destinations'],
    ['as bad as its worst part', { dead_letters: 1, state: 'stale' }, 'failing', 'connection'],
    ['healthy as far as is known', { queue_depth: null, dead_letters: null }, 'healthy', undefined],
  ])('is %s', (_name, facts, health, part) => {
    const view = productHealth(build(facts));
    expect([view.health, view.health_reasons[0]?.part]).toEqual([health, part]);
  });
});
