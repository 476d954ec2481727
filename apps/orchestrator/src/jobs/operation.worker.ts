import { type OperationJob, queueNames } from '@cortex-mqtt/contracts';
import type { QueueBackend, TypedWorker } from '@cortex-mqtt/queues';
import { OPERATION_ATTEMPTS, type OperationService } from '../features/deliveries/operation.service';

/** Bulk operations, two at once in each orchestrator; one that dies is taken over by another. */
export function startOperationWorker(deps: {
  queues: QueueBackend;
  operations: Pick<OperationService, 'run'>;
}): TypedWorker {
  return deps.queues.worker<OperationJob>(
    queueNames.operations(),
    {
      operation: ({ data, signal, attempts_made }) =>
        deps.operations.run(data.operation_id, signal, { is_last: attempts_made + 1 >= OPERATION_ATTEMPTS }),
    },
    { concurrency: 2 },
  );
}
