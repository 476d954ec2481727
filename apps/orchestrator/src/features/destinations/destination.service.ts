import { asInstanceId, asProductId, type ControlJob, type DestinationReport, queueNames } from '@cortex-mqtt/contracts';
import { JobFailedError, type QueueBackend, QueueUnavailableError } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import { ConflictError, NotFoundError, UnavailableError } from '../../http/app-error';
import { ProductEntity } from '../../model/product.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { BreakerChangeView, DestinationView } from './destination.dto';
import { mergeDestinations } from './merge-destinations';

const LIMIT_MS = 5_000;

/** Where actions go, and how it is there. */
export class DestinationService {
  constructor(
    private readonly deps: {
      dataSource: DataSource;
      queues: QueueBackend;
      stale_after_ms: number;
      liveInstanceIds(product_id: number): Promise<string[]>;
    },
  ) {}

  async list(product_id: number): Promise<DestinationView[]> {
    const { dataSource, stale_after_ms } = this.deps;
    await this.requireProduct(product_id);
    const rows = await dataSource.query<{ destinations: DestinationReport[] | null }[]>(
      `SELECT report -> 'destinations' AS destinations FROM listener_instances
       WHERE product_id = $1 AND stopped_at IS NULL AND last_heartbeat_at >= now() - make_interval(secs => $2)`,
      [product_id, stale_after_ms / 1000],
    );
    const subscriptions = await dataSource.query<{ id: number; name: string }[]>(
      `SELECT s.id, s.name FROM mqtt_subscriptions s JOIN mqtt_configs c ON c.id = s.mqtt_config_id WHERE c.product_id = $1`,
      [product_id],
    );
    const merged = mergeDestinations(rows.flatMap(({ destinations }) => destinations ?? []));
    return merged.map(({ subscription_ids, ...destination }) => ({
      ...destination,
      subscriptions: subscriptions.filter(({ id }) => subscription_ids.includes(id)),
    }));
  }

  /** Asks every live listener; audited before, so that nothing is changed without a trace. */
  async changeBreaker(
    product_id: number,
    { destination_id, change, actor }: { destination_id: string; change: 'try_now' | 'close'; actor: Actor },
  ): Promise<BreakerChangeView> {
    const destination = (await this.list(product_id)).find(({ id }) => id === destination_id);
    if (destination === undefined)
      throw new NotFoundError(`No listener of the product knows a destination ${destination_id}.`);
    const instances = await this.deps.liveInstanceIds(product_id);
    if (instances.length === 0) throw new ConflictError('No listener of the product is running.');
    await recordAudit(this.deps.dataSource.manager, {
      actor,
      action: `destination.${change}`,
      entity_type: 'destination',
      entity_id: destination_id,
      product_id,
      after: { name: destination.name },
    });
    const answers = await Promise.all(
      instances.map((instance) => this.ask(product_id, instance, { destination_id, change })),
    );
    return { listeners: answers.filter((is_known) => is_known).length };
  }

  private async ask(
    product_id: number,
    instance: string,
    change: { destination_id: string; change: 'try_now' | 'close' },
  ): Promise<boolean> {
    const id = asProductId(product_id);
    const queue = this.deps.queues.queue<ControlJob>(queueNames.control(id, asInstanceId(instance)));
    try {
      return (
        (await queue.runAndWait(
          'breaker',
          { product_id: id, ...change },
          { timeout_ms: LIMIT_MS, result: 'remove' },
        )) === true
      );
    } catch (error) {
      if (!(error instanceof QueueUnavailableError || error instanceof JobFailedError)) throw error;
      throw new UnavailableError(`The listener ${instance} may not have changed the breaker: ${error.message}`);
    }
  }

  private async requireProduct(id: number): Promise<void> {
    if (!(await this.deps.dataSource.manager.existsBy(ProductEntity, { id })))
      throw new NotFoundError(`There is no product ${id}.`);
  }
}
