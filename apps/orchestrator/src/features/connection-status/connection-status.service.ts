import type { StatusReport } from '@cortex-mqtt/contracts';
import type { DataSource } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import { ListenerInstanceEntity } from '../../model/listener-instance.entity';
import { type ListenerContainer, ListenerContainersEntity } from '../../model/listener-container.entity';
import { isLive, isUp } from '../../model/liveness';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ReadHealth } from '../../model/health-reader';
import { ProductEntity } from '../../model/product.entity';
import { messageRates } from '../metrics/message-rates';
import { presentConnectionStatus } from './connection-status.presenter';
import type { ConnectionStatusView } from './connection-status.view';

/** A runtime looks every 15 s, or less often while it waits for the engine. */
const CONTAINERS_SEEN_FOR_MS = 120_000;

export interface ConnectionStatusDeps {
  dataSource: DataSource;
  /** Milliseconds without a heartbeat after which an instance counts as stale. */
  stale_after_ms: number;
  readHealth: ReadHealth;
  /** Warnings about how the product is set up, whatever its listeners say. */
  configurationWarnings(
    product: ProductEntity,
    config: MqttConfigEntity,
    now: Date,
  ): Promise<{ code: string; message: string }[]>;
}

/** The state of a product's connection, summed over what its listeners have reported. */
export class ConnectionStatusService {
  constructor(private readonly deps: ConnectionStatusDeps) {}

  async read(product_id: number): Promise<ConnectionStatusView> {
    const { manager } = this.deps.dataSource;
    const status = await manager.findOneBy(ConnectionStatusEntity, { product_id });
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    const product = await manager.findOneBy(ProductEntity, { id: product_id });
    if (!status || !config || !product) throw new NotFoundError(`There is no product ${product_id}.`);
    const instances = await manager.find(ListenerInstanceEntity, {
      where: { product_id },
      order: { instance_id: 'ASC' },
    });
    const now = new Date();
    const health = (await this.deps.readHealth([product_id])).get(product_id);
    if (!health) throw new NotFoundError(`There is no product ${product_id}.`);
    return presentConnectionStatus({
      health,
      status,
      config,
      enabled: product.enabled,
      instances,
      containers: await this.containers(product_id),
      rates: await messageRates(manager, product_id, now),
      configuration_warnings: await this.deps.configurationWarnings(product, config, now),
      now,
      stale_after_ms: this.deps.stale_after_ms,
    });
  }

  /** With what each has written last; nothing when no runtime has looked for two minutes: then nobody knows. */
  private async containers(product_id: number): Promise<ListenerContainer[]> {
    const row = await this.deps.dataSource.manager.findOneBy(ListenerContainersEntity, { product_id });
    return row && row.seen_at.getTime() > Date.now() - CONTAINERS_SEEN_FOR_MS ? row.containers : [];
  }

  async readContainers(product_id: number): Promise<ListenerContainer[]> {
    const product = await this.deps.dataSource.manager.findOneBy(ProductEntity, { id: product_id });
    if (!product) throw new NotFoundError(`There is no product ${product_id}.`);
    return this.containers(product_id);
  }

  /** Ids of the instances whose heartbeat is fresh. */
  async liveInstanceIds(product_id: number): Promise<string[]> {
    const live = await this.liveInstances(product_id);
    return live.map((instance) => instance.instance_id);
  }

  /** Names of the brokers that each live and connected instance is connected to, by instance id. */
  async brokersInUse(product_id: number): Promise<Map<string, string[]>> {
    const live = await this.liveInstances(product_id);
    const inUse = live.map(({ instance_id, report }) => [instance_id, connectedBrokers(report)] as const);
    return new Map(inUse.filter(([, names]) => names.length > 0));
  }

  /** How far the live instances are with the configuration. */
  async progressOf(product_id: number): Promise<{ applied_revision: number | null; rejected: string | null }> {
    const live = await this.liveInstances(product_id);
    const rejecting = live.find(({ report }) => report.rejected_revision != null)?.report;
    return {
      applied_revision: live.length === 0 ? null : Math.min(...live.map(({ report }) => report.applied_revision ?? 0)),
      rejected: rejecting ? `"${rejecting.instance_id}": ${rejecting.rejected_revision?.reason}` : null,
    };
  }

  private async liveInstances(product_id: number): Promise<ListenerInstanceEntity[]> {
    const instances = await this.deps.dataSource.manager.findBy(ListenerInstanceEntity, { product_id });
    const now = new Date();
    return instances.filter((instance) => isLive(instance, now, this.deps.stale_after_ms));
  }
}

function connectedBrokers({ state, broker, brokers }: StatusReport): string[] {
  // An older listener tells only of the one in use.
  if (brokers === undefined) return broker !== null && isUp({ state }) ? [broker.name] : [];
  return brokers.filter(isUp).map(({ name }) => name);
}
