import type { ProductFacts } from '@cortex-mqtt/alerting';
import type {
  ConnectionState,
  DestinationReport,
  ProbeReport,
  SilenceReport,
  StatusReport,
} from '@cortex-mqtt/contracts';
import type { DataSource } from 'typeorm';

interface ProductRow {
  product_id: number;
  name: string;
  slug: string;
  revision: number;
  broker_host: string | null;
  broker_port: number;
  state: ConnectionState;
  connected: boolean;
  connection_error: string | null;
  applied_revision: number | null;
}

/** What of the last report of a live instance rules look at. */
interface InstanceRow {
  product_id: number;
  is_live: boolean;
  hostname: string | null;
  state: string;
  advice: string | null;
  broker: StatusReport['broker'];
  broker_info: { tls?: { certificate?: { days_left: number; subject: string } | null } | null } | null;
  subscribed: StatusReport['subscribed'] | null;
  probe: ProbeReport | null;
  warnings: StatusReport['warnings'] | null;
  rejected_revision: StatusReport['rejected_revision'];
  queue_depth: number | null;
  oldest_queued_ms: number | null;
  oldest_unacknowledged_ms: number | null;
  destinations: DestinationReport[] | null;
  silent: SilenceReport[] | null;
}

/** What rules know of every enabled product at this moment; `dead_letters` are filled in by the caller. */
export async function loadFacts(
  dataSource: DataSource,
  { stale_after_ms }: { stale_after_ms: number },
): Promise<ProductFacts[]> {
  const products = await dataSource.query<ProductRow[]>(
    `SELECT p.id AS product_id, p.name, p.slug, c.revision, c.broker_host, c.broker_port,
       s.state, s.connected, s.connection_error, s.applied_revision
     FROM products p JOIN mqtt_configs c ON c.product_id = p.id JOIN mqtt_connection_status s ON s.product_id = p.id
     WHERE p.enabled ORDER BY p.id`,
  );
  // jsonb_to_record reads the report once, however many of its fields are wanted.
  const instances = await dataSource.query<InstanceRow[]>(
    `SELECT i.product_id, i.last_heartbeat_at >= now() - make_interval(secs => $1) AS is_live, r.*
     FROM listener_instances i, jsonb_to_record(i.report) AS r(hostname text, state text, advice text, broker jsonb,
       broker_info jsonb, subscribed jsonb, probe jsonb, warnings jsonb, rejected_revision jsonb, queue_depth float8,
       oldest_queued_ms float8, oldest_unacknowledged_ms float8, destinations jsonb, silent jsonb)
     WHERE i.stopped_at IS NULL ORDER BY i.product_id, i.last_heartbeat_at DESC`,
    [stale_after_ms / 1000],
  );
  const by_product = new Map<number, InstanceRow[]>();
  for (const instance of instances) {
    const of_product = by_product.get(instance.product_id);
    if (of_product) of_product.push(instance);
    else by_product.set(instance.product_id, [instance]);
  }
  return products.map((product) => factsOf(product, by_product.get(product.product_id) ?? []));
}

function factsOf(product: ProductRow, instances: InstanceRow[]): ProductFacts {
  const live = instances.filter(({ is_live }) => is_live);
  const working = live.filter(({ state }) => state !== 'standby');
  const speaker = working.find(({ state }) => state !== 'connected') ?? working[0] ?? live[0];
  const probes = working.flatMap(({ probe }) => probe ?? []);
  const probe = probes.find(({ state }) => state === 'lost') ?? probes[0] ?? null;
  const certificates = live.flatMap(({ broker_info }) => broker_info?.tls?.certificate ?? []);
  const { broker_host } = product;
  const in_use = speaker?.broker ?? null;
  return {
    product_id: product.product_id,
    name: product.name,
    slug: product.slug,
    connection: {
      state: product.state,
      connected: product.connected,
      reason: product.connection_error,
      advice: speaker?.advice ?? null,
      broker: in_use ? `${in_use.host}:${in_use.port}` : broker_host && `${broker_host}:${product.broker_port}`,
      listener_host: instances[0]?.hostname ?? null,
      was_seen: instances.length > 0,
      wanted: Math.max(0, ...working.map(({ subscribed }) => subscribed?.wanted ?? 0)),
      granted: Math.min(...working.map(({ subscribed }) => subscribed?.granted ?? 0), Number.MAX_SAFE_INTEGER),
      probe: probe?.state ?? null,
      probe_reason: probe?.reason ?? null,
    },
    desired_revision: product.revision,
    applied_revision: product.applied_revision,
    rejected_reason:
      live.find(({ rejected_revision }) => rejected_revision !== null)?.rejected_revision?.reason ?? null,
    queue_depth: largest(live.map(({ queue_depth }) => queue_depth)),
    oldest_queued_ms: largest(live.map(({ oldest_queued_ms }) => oldest_queued_ms)),
    oldest_unacknowledged_ms: largest(live.map(({ oldest_unacknowledged_ms }) => oldest_unacknowledged_ms)),
    dead_letters: null,
    warnings: live.flatMap(({ warnings }) => warnings ?? []),
    certificate: certificates.sort((a, b) => a.days_left - b.days_left)[0] ?? null,
    destinations: destinationsOf(live),
    silent: silentIn(live),
  };
}

const largest = (values: (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
};

/** Down for one instance is down: another may not have tried yet. */
function destinationsOf(live: InstanceRow[]): ProductFacts['destinations'] {
  const known = new Map<string, ProductFacts['destinations'][number]>();
  for (const { destinations } of live) {
    for (const { id, name, breaker, last_error } of destinations ?? []) {
      const is_down = breaker !== 'closed';
      if (!known.has(id) || is_down) known.set(id, { id, name, is_down, reason: is_down ? last_error : null });
    }
  }
  return [...known.values()];
}

/** Where several instances share the messages, a series is silent only if each of them says so. */
function silentIn(live: InstanceRow[]): SilenceReport[] {
  const working = live.filter(({ state }) => state !== 'standby');
  const votes = new Map<string, { series: SilenceReport; count: number }>();
  for (const series of working.flatMap(({ silent }) => silent ?? [])) {
    const name = `${series.rule_id} ${series.key}`;
    const vote = votes.get(name);
    if (vote === undefined) votes.set(name, { series, count: 1 });
    else {
      vote.count += 1;
      if (series.last_message_at_ms > vote.series.last_message_at_ms) vote.series = series;
    }
  }
  return [...votes.values()].filter(({ count }) => count === working.length).map(({ series }) => series);
}
