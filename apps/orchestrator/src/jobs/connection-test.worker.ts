import {
  type ConnectionTestJob,
  type ConnectionTestRequest,
  type ConnectionTestResult,
  queueNames,
  type StageResult,
  WorkChain,
} from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
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
  logger: Pick<Logger, 'warn'>;
}): TypedWorker {
  return deps.queues.worker<ConnectionTestJob>(
    queueNames.connectionTests(),
    {
      'connection-test': async ({ data: { product_id, test_id } }) => {
        const request = await deps.connectionTests.request(product_id, test_id);
        const stages: StageResult[] = [];
        // Progress for whoever watches. The result has all stages, so a fault here is no fault of the test.
        const recording = new WorkChain((error) =>
          deps.logger.warn('stages of a connection test could not be recorded', { test_id, error }),
        );
        const result = await deps.probe(request, (stage) => {
          // One that a later finding corrects is told again, so that whoever follows hears of it.
          stages.push(stage);
          const soFar = [...stages];
          recording.add(() => deps.connectionTests.recordStages(product_id, test_id, soFar));
        });
        await recording.settled();
        return result;
      },
    },
    { concurrency: 10 },
  );
}
