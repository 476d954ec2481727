import { buildStatusReport } from '@cortex-mqtt/testing';
import type { QueueBackend } from '@cortex-mqtt/queues';
import { buildTestApp } from '../testing/build-test-app';
import { ControlNotifier } from './control-notifier';

/** Queues whose `add` settles when the test says so. */
function buildHangingQueues() {
  const added: string[] = [];
  let fail: (error: Error) => void = () => undefined;
  const answer = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const queue = {
    add: (name: string) => {
      added.push(name);
      return answer;
    },
  };
  const queues = {
    queue: () => queue,
    failedCounts: () => Promise.resolve(new Map<string, number>()),
    close: () => Promise.resolve(),
  } as unknown as QueueBackend;
  return { queues, added, fail: () => fail(new Error('the queue is away')) };
}

it('answers a write when it is committed, not when the queue has taken the job', async () => {
  const { queues, added, fail } = buildHangingQueues();
  const app = await buildTestApp({ queues, stale_after_ms: 60_000 });
  try {
    const admin = await app.client('admin');
    const { id } = await app.product();
    await app.features.statusReports.ingest(id, buildStatusReport({ instance_id: 'one', sequence: 1 }));
    const subscription = { name: 'orders', topic: 'orders/#', actions: [{ type: 'log' }] };
    await admin('post', `/api/v1/products/${id}/mqtt-config/subscriptions`).send(subscription).expect(201);
    await admin('post', `/api/v1/products/${id}/mqtt-config/reconnect`).expect(202);
    fail();
    await app.features.notifier.settled();
    expect(added).toEqual(['config-changed', 'reconnect']);
  } finally {
    fail();
    await app.close();
  }
});

it('logs what could not be told', async () => {
  const { queues, fail } = buildHangingQueues();
  const warn = jest.fn();
  const notifier = new ControlNotifier({
    queues,
    liveInstanceIds: () => Promise.resolve(['one']),
    logger: { warn } as never,
  });
  notifier.configChanged(1, 7);
  fail();
  await notifier.settled();
  expect(warn).toHaveBeenCalledWith(
    expect.stringContaining('next poll'),
    expect.objectContaining({ product_id: 1, job: 'config-changed' }),
  );
});
