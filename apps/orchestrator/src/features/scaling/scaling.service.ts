import { asProductId, type DeliveryJob, queueNames } from '@cortex-mqtt/contracts';
import type { QueueBackend } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import { NotFoundError, UnavailableError } from '../../http/app-error';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import { ListenerInstanceEntity } from '../../model/listener-instance.entity';
import { isLive, isUp } from '../../model/liveness';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import type { ScalingView } from './scaling.view';
import { wantedReplicas } from './wanted-replicas';

/** What an autoscaler needs to know of a product. */
export class ScalingService {
  constructor(private readonly deps: { dataSource: DataSource; queues: QueueBackend; stale_after_ms: number }) {}

  /** Throws UnavailableError while the queue is away: an autoscaler that is told nothing leaves things as they are. */
  async read(product_id: number): Promise<ScalingView> {
    const { manager } = this.deps.dataSource;
    const product = await manager.findOneBy(ProductEntity, { id: product_id });
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    if (!product || !config) throw new NotFoundError(`There is no product ${product_id}.`);
    const status = await manager.findOneBy(ConnectionStatusEntity, { product_id });
    const instances = await manager.findBy(ListenerInstanceEntity, { product_id });
    const now = new Date();
    const live = instances.filter((instance) => isLive(instance, now, this.deps.stale_after_ms));
    const ages = live.flatMap(({ report }) => report.oldest_unacknowledged_ms ?? []);
    const acknowledgement_age_ms = ages.length === 0 ? null : Math.max(...ages);
    const in_flight = live.reduce((sum, { report }) => sum + report.in_flight, 0);
    const backlog = in_flight + (await this.due(product_id));
    const wanted_replicas = wantedReplicas({
      enabled: product.enabled,
      is_shared: config.use_shared_subscriptions,
      replicas: product.replicas,
      connected: live.filter(({ report }) => isUp(report)).length,
      backlog,
      acknowledgement_age_ms,
      kept_sessions: status?.known_sessions.length ?? 0,
    });
    return { backlog, acknowledgement_age_ms, wanted_replicas };
  }

  private async due(product_id: number): Promise<number> {
    const queue = this.deps.queues.queue<DeliveryJob>(queueNames.deliveries(asProductId(product_id)));
    try {
      const { waiting = 0, active = 0, prioritized = 0 } = await queue.counts();
      return waiting + active + prioritized;
    } catch (error) {
      throw new UnavailableError(
        `The queue does not answer: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}
