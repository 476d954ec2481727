import type { Logger } from '@cortex-mqtt/observability';
import type { QueueBackend } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';

const CONTROL_QUEUE = /^control-(\d+)-(.+)$/;
const DELIVERIES_QUEUE = /^deliveries-(\d+)$/;

/**
 * Removes the control queues of instances that are forgotten, and the queues of products that are deleted. A queue goes
 * only when two looks in a row found it abandoned: an instance that has just started has a queue before its first report.
 */
export class QueueCleaner {
  private suspects = new Set<string>();

  constructor(private readonly deps: { dataSource: DataSource; queues: QueueBackend; logger: Logger }) {}

  /** Returns the names of the queues removed. */
  async clean(): Promise<string[]> {
    const { queues, logger } = this.deps;
    const abandoned = await this.abandoned(await queues.listQueueNames());
    const removed: string[] = [];
    for (const name of abandoned.filter((candidate) => this.suspects.has(candidate))) {
      await queues.removeQueue(name);
      removed.push(name);
    }
    this.suspects = new Set(abandoned.filter((name) => !removed.includes(name)));
    if (removed.length > 0) logger.info('abandoned queues removed', { queues: removed });
    return removed;
  }

  private async abandoned(names: string[]): Promise<string[]> {
    const { dataSource } = this.deps;
    const products = await dataSource.query<{ id: number }[]>('SELECT id FROM products');
    const instances = await dataSource.query<{ product_id: number; instance_id: string }[]>(
      'SELECT product_id, instance_id FROM listener_instances',
    );
    const known_products = new Set(products.map(({ id }) => id));
    const known_instances = new Set(instances.map(({ product_id, instance_id }) => `${product_id}-${instance_id}`));
    return names.filter((name) => {
      const control = CONTROL_QUEUE.exec(name);
      if (control) return !known_instances.has(`${control[1]}-${control[2]}`);
      const deliveries = DELIVERIES_QUEUE.exec(name);
      return deliveries !== null && !known_products.has(Number(deliveries[1]));
    });
  }
}
