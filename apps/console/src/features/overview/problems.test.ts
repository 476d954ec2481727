import { buildInstance, buildStatus } from '../mqtt-config/build-status';
import { problemsOf } from './problems';

const ON = { enabled: true };
const NONE = { waiting: 3, active: 1, dead: 0 };

describe('what needs attention', () => {
  it('is nothing when the product is connected and a few deliveries are retried', () => {
    expect(problemsOf({ product: ON, status: buildStatus(), counts: NONE })).toEqual([]);
  });

  it('begins with the gravest, with its reason and what to do', () => {
    const status = buildStatus({
      state: 'degraded',
      connection_error: 'One topic is refused.',
      instances: [
        buildInstance({
          advice: 'Ask for the rights.',
          subscribed: {
            wanted: 2,
            granted: 1,
            refused: [{ topic_filter: 'a/#', reason: 'not authorised' }],
            lowered_qos: [],
          },
        }),
      ],
    });
    const problems = problemsOf({ product: ON, status, counts: { ...NONE, waiting: 5_000, dead: 2 } });
    expect(problems.map(({ tone, remedy }) => `${tone} ${remedy}`)).toEqual([
      'bad connection',
      'bad dead',
      'warn connection',
      'warn deliveries',
    ]);
    expect(problems[0]?.detail).toBe('a/#: not authorised');
    expect(problems[2]?.detail).toBe('One topic is refused. Ask for the rights.');
  });

  it('tells once what several listeners tell alike', () => {
    const report = { rejected_revision: { revision: 7, reason: 'no such secret' } };
    const status = buildStatus({ instances: [buildInstance({ report }), buildInstance({ id: 'edge-2', report })] });
    expect(problemsOf({ product: ON, status, counts: null })).toHaveLength(1);
  });

  it('does not complain about the connection of a product that is switched off', () => {
    const status = buildStatus({ state: 'disconnected', connected: false });
    expect(problemsOf({ product: { enabled: false }, status, counts: NONE })).toEqual([]);
    expect(problemsOf({ product: ON, status, counts: NONE })[0]?.remedy).toBe('connection');
  });

  it('asks for a broker instead of blaming the one that is not set', () => {
    const status = buildStatus({
      state: 'disconnected',
      connected: false,
      instances: [buildInstance({ state: 'unconfigured' })],
    });
    expect(problemsOf({ product: ON, status, counts: NONE })[0]?.title).toBe('No broker is set yet');
  });
});
