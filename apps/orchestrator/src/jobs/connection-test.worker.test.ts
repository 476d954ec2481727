import type { ConnectionTestResult, StageResult } from '@cortex-mqtt/contracts';
import type { QueueBackend } from '@cortex-mqtt/queues';
import { startConnectionTestWorker } from './connection-test.worker';

const RESULT = { status: 'success' } as ConnectionTestResult;
const STAGE = { stage: 'dns', state: 'passed' } as StageResult;

it('ends a test with its result although its product is deleted meanwhile, and leaves no rejection unhandled', async () => {
  let handle: (job: object) => Promise<unknown> = () => Promise.reject(new Error('no handler'));
  const queues = {
    worker: (_name: string, handlers: Record<string, typeof handle>) => {
      handle = handlers['connection-test']!;
    },
  } as unknown as QueueBackend;
  const unhandled = jest.fn();
  process.on('unhandledRejection', unhandled);
  const warn = jest.fn();
  let endProbe: () => void = () => undefined;
  startConnectionTestWorker({
    queues,
    connectionTests: {
      request: async () => ({}) as never,
      recordStages: () => Promise.reject(new Error('There is no product 1.')),
    },
    probe: (_request, onStage) => {
      onStage(STAGE);
      return new Promise((resolve) => {
        endProbe = () => resolve(RESULT);
      });
    },
    logger: { warn },
  });
  const ended = handle({ data: { product_id: 1, test_id: 't' } });
  // The probe is still under way for some turns of the event loop.
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  endProbe();
  await expect(ended).resolves.toBe(RESULT);
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
  expect(warn).toHaveBeenCalledTimes(1);
});
