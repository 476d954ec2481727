import {
  type ConnectionTestJob,
  type ConnectionTestRequest,
  type ConnectionTestResult,
  queueNames,
  type StageResult,
} from '@cortex-mqtt/contracts';
import type { QueueBackend, TypedWorker } from '@cortex-mqtt/queues';
import type { ConnectionTestService } from '../features/connection-test/connection-test.service';

/** Runs one test; see `probeConnection` of libs/mqtt. */
export type Probe = (
  request: ConnectionTestRequest,
  onStage: (stage: StageResult) => void,
) => Promise<ConnectionTestResult>;

/** Tests of products without a live listener run here. */
export function startConnectionTestWorker(deps: {
  queues: QueueBackend;
  connectionTests: Pick<ConnectionTestService, 'request' | 'recordStages'>;
  probe: Probe;
}): TypedWorker {
  return deps.queues.worker<ConnectionTestJob>(
    queueNames.connectionTests(),
    {
      'connection-test': async ({ data: { product_id, test_id } }) => {
        const request = await deps.connectionTests.request(product_id, test_id);
        const stages: StageResult[] = [];
        let recorded: Promise<void> = Promise.resolve();
        const result = await deps.probe(request, (stage) => {
          // One that a later finding corrects is told again, so that whoever follows hears of it.
          stages.push(stage);
          const soFar = [...stages];
          recorded = recorded.then(() => deps.connectionTests.recordStages(product_id, test_id, soFar));
        });
        await recorded;
        return result;
      },
    },
    { concurrency: 10 },
  );
}
