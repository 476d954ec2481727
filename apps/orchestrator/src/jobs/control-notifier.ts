import { asInstanceId, asProductId, type ControlJob, queueNames } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import type { QueueBackend } from '@cortex-mqtt/queues';
import type { ChangeNotifier } from '../configuration/change-notifier';

/** Milliseconds after which a job is given up: the listener's poll heals what is missed here. */
const NOTIFY_LIMIT_MS = 2_000;
/** A control job is worthless once the next poll has come. */
const RETENTION = { removeOnComplete: { count: 50, age: 3_600 }, removeOnFail: { count: 50, age: 86_400 } };

/** Tells every live listener of a product to look again, by a job in the instance's own queue. */
export class ControlNotifier implements ChangeNotifier {
  private readonly telling = new Set<Promise<void>>();

  constructor(
    private readonly deps: {
      queues: QueueBackend;
      liveInstanceIds(product_id: number): Promise<string[]>;
      /** Called at once, before listeners are asked to look. */
      onChanged?(product_id: number): void;
      logger: Logger;
    },
  ) {}

  configChanged(product_id: number, revision: number): void {
    this.deps.onChanged?.(product_id);
    this.tell({ name: 'config-changed', data: { product_id: asProductId(product_id), revision } });
  }

  reconnectRequested(product_id: number, reconnect_id: string, generation: number): void {
    this.deps.onChanged?.(product_id);
    this.tell({ name: 'reconnect', data: { product_id: asProductId(product_id), reconnect_id, generation } });
  }

  /** Resolves when everything that was to be told is told or given up: before the queues and the database close. */
  async settled(): Promise<void> {
    await Promise.all(this.telling);
  }

  private tell(job: Parameters<ControlNotifier['tellAll']>[0]): void {
    const told = this.tellAll(job).finally(() => this.telling.delete(told));
    this.telling.add(told);
  }

  private async tellAll(job: Exclude<ControlJob, { name: 'connection-test' }>): Promise<void> {
    const { queues, liveInstanceIds, logger } = this.deps;
    const { product_id } = job.data;
    try {
      const instances = await liveInstanceIds(product_id);
      await Promise.all(
        instances.map((instance) =>
          queues
            .queue<ControlJob>(queueNames.control(product_id, asInstanceId(instance)), { retention: RETENTION })
            .add(job.name, job.data, { limit_ms: NOTIFY_LIMIT_MS }),
        ),
      );
    } catch (error) {
      logger.warn('listeners could not be told at once; they will see it at their next poll', {
        product_id,
        job: job.name,
        error,
      });
    }
  }
}
