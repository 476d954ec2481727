import { QueueUnavailableError, silentQueueLogger } from '@cortex-mqtt/queues';
import { ParkingLot } from './parking-lot';
import { Recall } from './recall';

const AWAY = 'http://away.example';

/** A queue in which deliveries wait for a destination; what is called leaves it. */
function build({ waiting = 0, here = 0 } = {}) {
  const jobs = Array.from({ length: waiting }, (_, index) => `d-${index}`);
  const called: string[] = [];
  const queue = { isAway: false, here, jobs, called };
  const parking = new ParkingLot();
  const recall = new Recall({
    parking,
    survey: {
      async *paused() {
        if (queue.isAway) throw new QueueUnavailableError('no answer', 'unknown');
        for (const job_id of [...jobs]) {
          const deferral = { destination: AWAY, reason: 'left alone', looks: false };
          yield { job_id, subscription_id: 1, ordering: null, deferral };
        }
      },
      call: async (job_id) => {
        const index = jobs.indexOf(job_id);
        if (index < 0) return false;
        jobs.splice(index, 1);
        called.push(job_id);
        return true;
      },
    },
    resumeHere: (_destination, limit) => {
      const resumed = Math.min(queue.here, limit);
      queue.here -= resumed;
      return resumed;
    },
    logger: silentQueueLogger,
  });
  return { recall, parking, queue };
}

const deferral = (looks: boolean) => ({ destination: AWAY, reason: 'left alone', looks });

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

it('has one look for each destination at a start, and the others called by what that finds', async () => {
  const { recall, queue } = build({ waiting: 100 });
  recall.start();
  await jest.advanceTimersByTimeAsync(100);
  expect(queue.called).toEqual(['d-0']);
  recall.looked(deferral(false), true);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(queue.jobs).toEqual([]);
  recall.stop();
});

it('searches again when the queue did not answer at the start', async () => {
  const { recall, queue } = build({ waiting: 3 });
  queue.isAway = true;
  recall.start();
  await jest.advanceTimersByTimeAsync(1_000);
  queue.isAway = false;
  await jest.advanceTimersByTimeAsync(15_000);
  expect(queue.called).toEqual(['d-0']);
  recall.stop();
});

it('has another look when the one that looked has failed', async () => {
  const { recall, parking, queue } = build({ waiting: 5 });
  parking.park(AWAY);
  recall.start();
  await jest.advanceTimersByTimeAsync(1_000);
  expect(queue.called).toEqual([]);
  recall.looked(deferral(true), false);
  await jest.advanceTimersByTimeAsync(3_000);
  expect(queue.called).toEqual(['d-0']);
  // It found the destination away and is the one that looks now.
  expect(parking.park(AWAY)).toMatchObject({ looks: true });
  recall.stop();
});

it('has another look when nothing is heard of the one that looks, again and again', async () => {
  const { recall, parking, queue } = build({ waiting: 5 });
  parking.park(AWAY);
  recall.start();
  await jest.advanceTimersByTimeAsync(12_500);
  expect(queue.called).toEqual(['d-0']);
  await jest.advanceTimersByTimeAsync(10_500);
  expect(queue.called).toEqual(['d-0', 'd-1']);
  recall.stop();
});

it('calls what was still being written when the destination came back', async () => {
  const { recall, parking, queue } = build();
  parking.park(AWAY);
  recall.start();
  recall.reached(AWAY);
  await jest.advanceTimersByTimeAsync(100);
  queue.jobs.push('late-1', 'late-2');
  recall.parked(deferral(false));
  await jest.advanceTimersByTimeAsync(200);
  expect(queue.called).toEqual(['late-1', 'late-2']);
  recall.stop();
});

it('calls what came while it was calling, and stops when the destination is away again', async () => {
  const { recall, parking, queue } = build({ waiting: 90 });
  recall.start();
  recall.reached(AWAY);
  await jest.advanceTimersByTimeAsync(50);
  expect(queue.called).toHaveLength(30);
  parking.park(AWAY);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(queue.called).toHaveLength(30);
  recall.reached(AWAY);
  recall.reached(AWAY);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(queue.called).toHaveLength(90);
  recall.stop();
});

it('has those begin that wait in this process', async () => {
  const { recall, parking, queue } = build({ here: 7 });
  parking.park(AWAY);
  recall.start();
  recall.lookNow(AWAY);
  await jest.advanceTimersByTimeAsync(10);
  expect(queue.here).toBe(6);
  recall.reached(AWAY);
  expect(queue.here).toBe(0);
  recall.stop();
});
