import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics, guardProcess, type Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import { buildTestApp, type TestApp } from '../../testing/build-test-app';
import { registerDatabaseMetrics } from './database-metrics';
import { registerFleetMetrics } from './fleet-metrics';
import { createHttpMetrics } from './http-metrics';

const DOC = join(__dirname, '..', '..', '..', '..', '..', 'docs', 'metrics.md');

function build(dataSource: DataSource) {
  const metrics = createMetrics({ service: 'orchestrator', version: '1.0.0' });
  createHttpMetrics(metrics);
  registerDatabaseMetrics(metrics, dataSource);
  registerFleetMetrics(metrics, { dataSource });
  const guard = guardProcess({ logger: {} as Logger });
  guard.register(metrics);
  guard.end();
  return metrics;
}

describe('the metrics of an orchestrator', () => {
  let test: TestApp;

  beforeAll(async () => {
    test = await buildTestApp();
  });
  afterAll(() => test.close());

  it('count products by state and open incidents by severity', async () => {
    const connected = await test.product();
    const lost = await test.product();
    await test.dataSource.query(
      `INSERT INTO mqtt_connection_status (product_id, state, connected) VALUES ($1, 'connected', true)
       ON CONFLICT (product_id) DO UPDATE SET state = 'connected', connected = true`,
      [connected.id],
    );
    await test.dataSource.query(
      `INSERT INTO alert_incidents (group_key, kind, rule_id, rule_name, severity, title, started_at)
       VALUES ('g', 'not_connected', 1, 'r', 'critical', 't', now())`,
    );
    const { body } = await build(test.dataSource).render();
    expect(body).toContain('cortex_mqtt_database_up{service="orchestrator"} 1');
    expect(body).toContain(`cortex_mqtt_product_connected{product="${connected.slug}",service="orchestrator"} 1`);
    expect(body).toContain(`cortex_mqtt_product_connected{product="${lost.slug}",service="orchestrator"} 0`);
    expect(body).toContain('cortex_mqtt_products{state="connected",service="orchestrator"} 1');
    expect(body).toContain('cortex_mqtt_incidents_open{severity="critical",service="orchestrator"} 1');
    expect(body).toContain('cortex_mqtt_incidents_open{severity="warning",service="orchestrator"} 0');
    expect(body).toContain('cortex_mqtt_alert_messages_waiting{service="orchestrator"} 0');
  });

  it('say that the database is away, and are answered all the same', async () => {
    const away = {
      isInitialized: true,
      query: () => Promise.reject(new Error('connection refused')),
    } as unknown as DataSource;
    const { body } = await build(away).render();
    expect(body).toContain('cortex_mqtt_database_up{service="orchestrator"} 0');
    expect(body).toContain('cortex_mqtt_build_info');
    expect(body).not.toContain('cortex_mqtt_incidents_open{');
  });

  it('stand in docs/metrics.md, which is made from them', async () => {
    const defined = (await build(test.dataSource).registry.getMetricsAsJSON()).map(
      ({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`,
    );
    const begin = '<!-- orchestrator -->\n';
    const end = '<!-- end of orchestrator -->';
    const text = readFileSync(DOC, 'utf8');
    const table = ['| metric | type | meaning |', '| --- | --- | --- |', ...defined, ''].join('\n');
    const made = text.slice(0, text.indexOf(begin) + begin.length) + table + text.slice(text.indexOf(end));
    if (process.env.WRITE_DOCS === '1') writeFileSync(DOC, made);
    expect(readFileSync(DOC, 'utf8')).toBe(made);
  });
});
