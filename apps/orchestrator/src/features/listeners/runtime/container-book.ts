import { isDeepStrictEqual } from 'node:util';
import type { DataSource } from 'typeorm';
import { type ListenerContainer, ListenerContainersEntity } from '../../../model/listener-container.entity';
import { encodeStatusChanges, STATUS_CHANNEL } from '../../connection-status/status-channel';

/** What a runtime knows of a container; since when comes from what was known before. */
export type SeenContainer = Omit<ListenerContainer, 'since'>;

/** Writes what the runtime sees to where the status is read, and only what differs. */
export class ContainerBook {
  private readonly known = new Map<number, ListenerContainer[]>();

  constructor(private readonly deps: { dataSource: DataSource; now?: () => Date }) {}

  /** All containers of the products; those of others are forgotten. */
  async write(seen: ReadonlyMap<number, SeenContainer[]>): Promise<void> {
    const { dataSource, now = () => new Date() } = this.deps;
    const ids = [...seen.keys()];
    const changed: number[] = [];
    for (const [product_id, containers] of seen) {
      const before = this.known.get(product_id) ?? (await this.read(product_id));
      const next = containers.map((container) => ({ ...container, since: sinceOf(container, before, now()) }));
      if (this.known.has(product_id) && isDeepStrictEqual(before, next)) continue;
      // A product that was deleted meanwhile has no row to hang this on.
      await dataSource.query(
        `INSERT INTO listener_containers (product_id, containers, seen_at)
           SELECT id, $2, now() FROM products WHERE id = $1
           ON CONFLICT (product_id) DO UPDATE SET containers = excluded.containers, seen_at = excluded.seen_at`,
        [product_id, JSON.stringify(next)],
      );
      this.known.set(product_id, next);
      changed.push(product_id);
    }
    for (const product_id of this.known.keys()) if (!seen.has(product_id)) this.known.delete(product_id);
    await dataSource.query('DELETE FROM listener_containers WHERE product_id <> ALL ($1::int[])', [ids]);
    await dataSource.query('UPDATE listener_containers SET seen_at = now()');
    for (const payload of encodeStatusChanges({ node_id: 'runtime', kind: 'heartbeat', product_ids: changed })) {
      await dataSource.query('SELECT pg_notify($1, $2)', [STATUS_CHANNEL, payload]);
    }
  }

  private async read(product_id: number): Promise<ListenerContainer[]> {
    const row = await this.deps.dataSource.manager.findOneBy(ListenerContainersEntity, { product_id });
    return row?.containers ?? [];
  }
}

function sinceOf(container: SeenContainer, before: readonly ListenerContainer[], now: Date): string {
  const same = before.find(({ name, state }) => name === container.name && state === container.state);
  return same?.since ?? now.toISOString();
}
