import { waitFor } from '@cortex-mqtt/testing';
import { silentLogger } from '../session/session.testing';
import { startQueueGauge } from './queue-gauge';

it('says why nothing in the queue is worked, and knows no depth while it cannot be asked', async () => {
  const queue = { depth: 766, is_paused: false, is_reachable: true };
  const answer = async <T>(value: T): Promise<T> => {
    if (!queue.is_reachable) throw new Error('connection refused');
    return value;
  };
  const gauge = startQueueGauge({
    journal: {
      depth: () => answer(queue.depth),
      isPaused: () => answer(queue.is_paused),
      oldestAddedAt: () => answer(Date.now()),
    },
    logger: silentLogger,
    every_ms: 5,
    unreachable_after_ms: 50,
  });
  try {
    await waitFor(() => gauge.depth() === 766);
    expect(gauge.fault()).toBeNull();

    queue.is_paused = true;
    await waitFor(() => gauge.fault() !== null);
    expect(gauge.fault()).toMatchObject({
      code: 'QUEUE_PAUSED',
      message: expect.stringContaining('766 deliveries wait'),
    });

    queue.is_reachable = false;
    await waitFor(() => gauge.fault()?.code === 'QUEUE_UNREACHABLE');
    expect(gauge.depth()).toBeNull();

    queue.is_reachable = true;
    queue.is_paused = false;
    await waitFor(() => gauge.fault() === null);
    expect(gauge.depth()).toBe(766);
  } finally {
    gauge.stop();
  }
});
