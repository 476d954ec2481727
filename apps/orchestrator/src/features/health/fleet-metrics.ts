import type { Metrics } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';

/** Products with a series of their own; the ones beyond are only in the sums. */
const MAX_PRODUCTS = 1_000;
/** All gauges of a scrape read one answer, and frequent scrapes the same. */
const FRESH_MS = 2_000;

interface Figures {
  products: { slug: string; state: string; connected: boolean }[];
  instances: { live: number };
  incidents: { severity: string; count: number }[];
  messages: { waiting: number; oldest_s: number };
}

/** What is true of all products together, read from the database when somebody scrapes. */
export function registerFleetMetrics(metrics: Metrics, { dataSource }: { dataSource: DataSource }): void {
  const read = readFigures(dataSource);
  metrics.gauge({
    name: 'cortex_mqtt_database_up',
    help: 'Whether the database answered this scrape; without it the figures of products and alerts are missing',
    async collect() {
      this.set((await read()) === null ? 0 : 1);
    },
  });
  metrics.gauge({
    name: 'cortex_mqtt_products',
    help: 'Enabled products by the state of their connection',
    labelNames: ['state'],
    async collect() {
      this.reset();
      for (const { state } of (await read())?.products ?? []) this.inc({ state });
    },
  });
  metrics.gauge({
    name: 'cortex_mqtt_product_connected',
    help: 'Whether an enabled product is connected to its broker, of at most 1,000 products',
    labelNames: ['product'],
    async collect() {
      this.reset();
      for (const { slug, connected } of ((await read())?.products ?? []).slice(0, MAX_PRODUCTS)) {
        this.set({ product: slug }, Number(connected));
      }
    },
  });
  metrics.gauge({
    name: 'cortex_mqtt_listener_instances',
    help: 'Listeners that have not stopped',
    async collect() {
      this.set((await read())?.instances.live ?? Number.NaN);
    },
  });
  metrics.gauge({
    name: 'cortex_mqtt_incidents_open',
    help: 'Incidents that are not resolved, by severity',
    labelNames: ['severity'],
    async collect() {
      this.reset();
      const figures = await read();
      if (figures === null) return;
      for (const severity of ['info', 'warning', 'critical']) this.set({ severity }, 0);
      for (const { severity, count } of figures.incidents) this.set({ severity }, count);
    },
  });
  metrics.gauge({
    name: 'cortex_mqtt_alert_messages_waiting',
    help: 'Alert messages that are not sent yet',
    async collect() {
      this.set((await read())?.messages.waiting ?? Number.NaN);
    },
  });
  metrics.gauge({
    name: 'cortex_mqtt_alert_messages_oldest_seconds',
    help: 'Age of the oldest of them',
    async collect() {
      this.set((await read())?.messages.oldest_s ?? Number.NaN);
    },
  });
}

/** null while the database does not answer: a scrape then still has what this process knows of itself. */
function readFigures(dataSource: DataSource): () => Promise<Figures | null> {
  let asked_at = 0;
  let answer: Promise<Figures | null> = Promise.resolve(null);
  return () => {
    const now_ms = Date.now();
    if (now_ms - asked_at < FRESH_MS) return answer;
    asked_at = now_ms;
    answer = dataSource.isInitialized ? queryFigures(dataSource).catch(() => null) : Promise.resolve(null);
    return answer;
  };
}

async function queryFigures(dataSource: DataSource): Promise<Figures> {
  const [row] = await dataSource.query<[Figures]>(`SELECT
    (SELECT coalesce(jsonb_agg(jsonb_build_object('slug', p.slug, 'state', coalesce(s.state, 'no_listener'),
        'connected', coalesce(s.connected, false)) ORDER BY p.id), '[]')
      FROM products p LEFT JOIN mqtt_connection_status s ON s.product_id = p.id WHERE p.enabled) AS products,
    (SELECT jsonb_build_object('live', count(*)) FROM listener_instances WHERE stopped_at IS NULL) AS instances,
    (SELECT coalesce(jsonb_agg(i), '[]') FROM (
      SELECT severity, count(*) AS count FROM alert_incidents WHERE resolved_at IS NULL GROUP BY severity) i) AS incidents,
    (SELECT jsonb_build_object('waiting', count(*),
        'oldest_s', coalesce(extract(epoch FROM now() - min(created_at)), 0))
      FROM alert_outbox WHERE sent_at IS NULL AND failed_at IS NULL) AS messages`);
  return row;
}
