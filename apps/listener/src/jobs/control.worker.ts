import {
  asInstanceId,
  asProductId,
  type ConnectionTestResult,
  type ControlJob,
  queueNames,
  type RecentMessage,
  type StageResult,
  type TestMessageOutcome,
  WorkChain,
} from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import type { QueueBackend, TypedWorker } from '@cortex-mqtt/queues';
import type { OrchestratorClient } from '../config-source/orchestrator-client';

export interface ControlWorkerDeps {
  queues: QueueBackend;
  product_id: number;
  instance_id: string;
  client: OrchestratorClient;
  /** Looks for a new configuration now, and returns when it is applied. */
  refresh(): Promise<void>;
  probe(
    request: Awaited<ReturnType<OrchestratorClient['fetchConnectionTest']>>,
    onStage: (stage: StageResult) => void,
  ): Promise<ConnectionTestResult>;
  /** What the subscription received lately, newest first. */
  recentMessages(subscription_id: number): RecentMessage[];
  /** Publishes where the product listens. */
  publishTestMessage(message: { topic: string; payload: string; qos: 0 | 1 | 2 }): Promise<TestMessageOutcome>;
  /** False where the destination is not known here. */
  changeBreaker(change: { destination_id: string; change: 'try_now' | 'close' }): boolean;
  logger: Logger;
}

/** Jobs for this instance alone. They say "look again"; what to find is asked from the orchestrator. A test message comes whole. */
export function startControlWorker(deps: ControlWorkerDeps): TypedWorker {
  const queue = queueNames.control(asProductId(deps.product_id), asInstanceId(deps.instance_id));
  return deps.queues.worker<ControlJob>(
    queue,
    {
      'config-changed': async () => deps.refresh(),
      // The generation is part of the configuration: whoever looks again sees it, and a lost job heals by itself.
      reconnect: async () => deps.refresh(),
      'connection-test': async ({ data: { test_id } }) => {
        const request = await deps.client.fetchConnectionTest(test_id);
        const stages: StageResult[] = [];
        const posting = new WorkChain((error) =>
          deps.logger.warn('stages of a connection test could not be posted', { test_id, error }),
        );
        const result = await deps.probe(request, (stage) => {
          stages.push(stage);
          const so_far = [...stages];
          posting.add(() => deps.client.postStages(test_id, so_far));
        });
        await posting.settled();
        return result;
      },
      'recent-messages': async ({ data: { subscription_id, limit, after } }) =>
        deps
          .recentMessages(subscription_id)
          .filter((message) => after === null || Date.parse(message.received_at) > Date.parse(after))
          .slice(0, limit),
      breaker: async ({ data: { destination_id, change } }) => deps.changeBreaker({ destination_id, change }),
      'test-message': async ({ data: { topic, payload, qos } }) => deps.publishTestMessage({ topic, payload, qos }),
    },
    { concurrency: 4 },
  );
}
