import { buildInstance, buildStatus } from './build-status';
import { adviceOf, distinctWarnings, refusedFilters, subscribedOf, worstFirst } from './status-reading';

const refused = (topic_filter: string) => ({ topic_filter, reason: 'Not authorized (0x87)' });

describe('reading a connection status', () => {
  it('puts the instance that is worst off first, and standbys last', () => {
    const instances = [
      buildInstance({ id: 'd', state: 'standby' }),
      buildInstance({ id: 'c', state: 'connected' }),
      buildInstance({ id: 'b', state: 'degraded' }),
      buildInstance({ id: 'a', state: 'stale' }),
    ];
    expect(worstFirst(instances).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('takes the advice of the instance that is worst off', () => {
    const status = buildStatus({
      instances: [
        buildInstance({ id: 'a', state: 'degraded', advice: 'Ask for the rights.' }),
        buildInstance({ id: 'b', state: 'disconnected', advice: 'Check the password.' }),
      ],
    });
    expect(adviceOf(status)).toBe('Check the password.');
  });

  it('names a refused filter once, though several instances asked for it', () => {
    const subscribed = { wanted: 3, granted: 2, refused: [refused('a/#')], lowered_qos: [] };
    const status = buildStatus({
      instances: [buildInstance({ subscribed }), buildInstance({ id: 'edge-2', subscribed })],
    });
    expect(refusedFilters(status)).toEqual([refused('a/#')]);
  });

  it('counts what the instance that lacks most has, and nothing of one that is not connected', () => {
    const of = (wanted: number, granted: number) => ({ wanted, granted, refused: [], lowered_qos: [] });
    const status = buildStatus({
      instances: [
        buildInstance({ id: 'a', subscribed: of(3, 3) }),
        buildInstance({ id: 'b', state: 'degraded', subscribed: of(3, 1) }),
        buildInstance({ id: 'c', state: 'standby', subscribed: of(0, 0) }),
      ],
    });
    expect(subscribedOf(status)).toEqual({ wanted: 3, granted: 1 });
    expect(subscribedOf(buildStatus({ instances: [buildInstance({ state: 'disconnected' })] }))).toBeNull();
  });

  it('gives a warning once, with all that it comes from', () => {
    const warning = { code: 'PASSWORD_WITHOUT_TLS', message: 'In the clear.' };
    const status = buildStatus({
      warnings: [
        { ...warning, instance_id: 'edge-1' },
        { ...warning, instance_id: 'edge-2' },
      ],
    });
    expect(distinctWarnings(status)).toEqual([{ ...warning, instance_ids: ['edge-1', 'edge-2'] }]);
  });
});
