import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import type { Actor } from '../audit/audit-trail';
import { isLive } from '../../model/liveness';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { changeConfiguration } from '../../configuration/change-configuration';
import { ListenerInstanceEntity } from '../../model/listener-instance.entity';
import { ReconnectEntity } from './reconnect.entity';
import type { ReconnectInstanceView, ReconnectView } from './reconnect.view';

export interface ReconnectServiceDeps {
  dataSource: DataSource;
  stale_after_ms: number;
  /** After commit; returns at once and never throws. */
  notify(product_id: number, reconnect_id: string, generation: number): void;
}

/**
 * Asks every live listener of a product to drop its connection and make a new one. The generation is part of the desired
 * state, so a listener whose job was lost reconnects at its next poll.
 */
export class ReconnectService {
  constructor(private readonly deps: ReconnectServiceDeps) {}

  async request(product_id: number, actor: Actor): Promise<ReconnectView> {
    const { dataSource, notify } = this.deps;
    // Each live listener gets a job of its own kind, below.
    const notifier = { configChanged: () => {} };
    const options = { actor, expected_revision: undefined };
    const change = await changeConfiguration(
      { dataSource, notifier },
      product_id,
      { ...options, is_managing: true },
      async (manager, config) => {
        config.reconnect_generation += 1;
        await manager.update(
          MqttConfigEntity,
          { id: config.id },
          { reconnect_generation: config.reconnect_generation },
        );
        const now = new Date();
        const instances = await manager.findBy(ListenerInstanceEntity, { product_id });
        const live = instances.filter((instance) => isLive(instance, now, this.deps.stale_after_ms));
        const row = manager.create(ReconnectEntity, {
          id: randomUUID(),
          product_id,
          generation: config.reconnect_generation,
          instance_ids: live.map((instance) => instance.instance_id),
        });
        await manager.save(row);
        return {
          result: row,
          audit: {
            action: 'mqtt_config.reconnect',
            entity_type: 'mqtt_config',
            entity_id: config.id,
            after: { reconnect_generation: config.reconnect_generation, instances: row.instance_ids },
          },
        };
      },
    );
    notify(product_id, change.result.id, change.result.generation);
    return this.read(product_id, change.result.id);
  }

  async read(product_id: number, id: string): Promise<ReconnectView> {
    const { manager } = this.deps.dataSource;
    const reconnect = await manager.findOneBy(ReconnectEntity, { id, product_id });
    if (!reconnect) throw new NotFoundError(`Product ${product_id} has no reconnect ${id}.`);
    const known = await manager.findBy(ListenerInstanceEntity, { product_id });
    const now = new Date();
    const instances = reconnect.instance_ids.map((instance_id) =>
      outcomeOf({
        instance_id,
        instance: known.find((candidate) => candidate.instance_id === instance_id) ?? null,
        generation: reconnect.generation,
        now,
        stale_after_ms: this.deps.stale_after_ms,
      }),
    );
    return {
      id: reconnect.id,
      product_id,
      generation: reconnect.generation,
      state: instances.some((instance) => instance.outcome === 'pending') ? 'pending' : 'done',
      created_at: reconnect.created_at.toISOString(),
      instances,
    };
  }
}

function outcomeOf(deps: {
  instance_id: string;
  instance: ListenerInstanceEntity | null;
  generation: number;
  now: Date;
  stale_after_ms: number;
}): ReconnectInstanceView {
  const { instance_id, instance, generation, now, stale_after_ms } = deps;
  if (instance === null || !isLive(instance, now, stale_after_ms)) {
    return { instance_id, outcome: 'gone', reason: 'Its heartbeat stopped before it reported the reconnect.' };
  }
  const { report } = instance;
  if ((report.applied_reconnect_generation ?? -1) < generation)
    return { instance_id, outcome: 'pending', reason: null };
  switch (report.state) {
    case 'connected':
    case 'degraded':
    case 'standby':
      return { instance_id, outcome: 'reconnected', reason: report.state === 'degraded' ? report.reason : null };
    case 'disconnected':
    case 'unconfigured':
    case 'stopped':
      return { instance_id, outcome: 'failed', reason: report.reason };
    case 'starting':
    case 'connecting':
      return { instance_id, outcome: 'pending', reason: report.reason };
  }
}
