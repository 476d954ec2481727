import type { Metrics } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';

interface PoolCounts {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
}

/** How the connections to Postgres are used: `waiting` requests mean that the pool is too small or the database too slow. */
export function registerDatabaseMetrics(metrics: Metrics, dataSource: DataSource): void {
  metrics.gauge({
    name: 'cortex_mqtt_database_connections',
    help: 'Connections to Postgres that are in use or idle, and requests that wait for one',
    labelNames: ['state'],
    collect() {
      // Before it is connected there is no pool.
      const pool = (dataSource.driver as unknown as { master?: PoolCounts } | undefined)?.master;
      const { totalCount, idleCount, waitingCount } = pool ?? { totalCount: 0, idleCount: 0, waitingCount: 0 };
      this.set({ state: 'used' }, totalCount - idleCount);
      this.set({ state: 'idle' }, idleCount);
      this.set({ state: 'waiting' }, waitingCount);
    },
  });
}
