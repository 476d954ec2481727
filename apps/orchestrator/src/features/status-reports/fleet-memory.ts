import type { ReportedSession, StatusReport } from '@cortex-mqtt/contracts';
import { BatchReader } from '../../database/batch-reader';
import type { Queries } from '../../database/queries';
import { isLive } from '../../model/liveness';
import { type Desired, sumInstances } from '../../model/product-state';
import { usesOneSession } from '../replicas/product-lease';
import { canonicalFacts, gaugesText } from './report-facts';

/** What was committed of an instance, as this orchestrator knows it. */
export interface KnownInstance {
  instance_id: string;
  boot_id: string;
  sequence: number;
  delta_sequence: number;
  /** As stored; its gauges may be older than `gauges`. */
  report: StatusReport;
  canonical: string;
  /** The same as the process writes it: null until it has reported once. */
  facts: string | null;
  gauges: string;
  /** Milliseconds that its clock was ahead when `report` was received. */
  skew_ms: number;
  heard_at: Date;
  stopped_at: Date | null;
  was_live: boolean;
}

export interface KnownLease {
  instance_id: string;
  boot_id: string;
  term: number;
  /** On the clock of `performance.now()`, never later than what is committed. */
  expires_ms: number;
}

export interface KnownProduct {
  product_id: number;
  desired: Desired;
  takes_turns: boolean;
  lease: KnownLease | null;
  known_sessions: ReportedSession[];
  instances: Map<string, KnownInstance>;
  /** The stored status is not the sum of what is stored of the instances: the full path adds up. */
  needs_sum: boolean;
  used_ms: number;
}

/** Products that nobody reported for are forgotten after this, milliseconds. */
const UNUSED_MS = 300_000;
/** Products read by one pair of statements. */
const MAX_LOAD = 500;

/**
 * What this orchestrator knows to be committed of the products that report to it, read in batches when it is missing. An entry
 * is dropped when anything about the product changes, here or in another orchestrator; while it is there it may be relied on.
 */
export class FleetMemory {
  private readonly products = new Map<number, KnownProduct>();
  /** Counts what was dropped, so that what is read meanwhile is not kept. */
  private readonly versions = new Map<number, number>();
  private epoch = 0;
  private readonly reader: BatchReader<number, KnownProduct>;

  constructor(deps: { db: Queries; stale_after_ms: number }) {
    this.reader = new BatchReader({
      max: MAX_LOAD,
      read: (ids) => loadProducts(deps.db, ids, deps.stale_after_ms),
    });
  }

  get size(): number {
    return this.products.size;
  }

  peek(product_id: number): KnownProduct | null {
    return this.products.get(product_id) ?? null;
  }

  /** null: there is no such product, or it changes right now. */
  async get(product_id: number): Promise<KnownProduct | null> {
    const known = this.products.get(product_id);
    if (known) {
      known.used_ms = performance.now();
      return known;
    }
    const { epoch } = this;
    const version = this.versions.get(product_id) ?? 0;
    const read = await this.reader.read(product_id);
    if (epoch !== this.epoch || version !== (this.versions.get(product_id) ?? 0)) return null;
    // Of two that asked at once, both get the same.
    const kept = this.products.get(product_id) ?? read;
    if (kept) this.products.set(product_id, kept);
    return kept;
  }

  forget(product_id: number): void {
    this.products.delete(product_id);
    this.versions.set(product_id, (this.versions.get(product_id) ?? 0) + 1);
  }

  clear(): void {
    this.epoch += 1;
    this.products.clear();
    this.versions.clear();
  }

  dropUnused(): void {
    const limit = performance.now() - UNUSED_MS;
    for (const [id, { used_ms }] of this.products) if (used_ms < limit) this.forget(id);
    // Versions matter only while something is read.
    if (!this.reader.isReading) this.versions.clear();
  }
}

interface ProductRow {
  product_id: number;
  connected: boolean;
  state: string;
  connection_error: string | null;
  applied_revision: number | null;
  known_sessions: ReportedSession[];
  revision: number;
  revision_key: string;
  use_shared_subscriptions: boolean;
  shared_group: string | null;
  client_id: string | null;
  further_client_ids: (string | null)[] | null;
  holder: string | null;
  holder_boot: string | null;
  term: number | null;
  lease_left_ms: number | null;
}

interface InstanceRow {
  product_id: number;
  instance_id: string;
  boot_id: string;
  sequence: string;
  delta_sequence: string;
  report: StatusReport;
  last_heartbeat_at: Date;
  received_at: Date | null;
  stopped_at: Date | null;
}

const PRODUCTS = `SELECT s.product_id, s.connected, s.state, s.connection_error, s.applied_revision, s.known_sessions, c.revision, c.revision_key,
    c.use_shared_subscriptions, c.shared_group, c.client_id,
    (SELECT json_agg(b.client_id) FROM mqtt_brokers b WHERE b.product_id = s.product_id) AS further_client_ids,
    l.instance_id AS holder, l.boot_id AS holder_boot, l.term,
    CASE WHEN isfinite(l.expires_at) THEN (extract(epoch FROM l.expires_at - clock_timestamp()) * 1000)::float8 END
      AS lease_left_ms
  FROM mqtt_connection_status s JOIN mqtt_configs c ON c.product_id = s.product_id
  LEFT JOIN product_leases l ON l.product_id = s.product_id
  WHERE s.product_id = ANY($1)`;
const INSTANCES = `SELECT product_id, instance_id, boot_id, sequence, delta_sequence, report, last_heartbeat_at, received_at, stopped_at
  FROM listener_instances WHERE product_id = ANY($1) ORDER BY product_id, instance_id`;

async function loadProducts(db: Queries, ids: number[], stale_after_ms: number): Promise<Map<number, KnownProduct>> {
  const asked_ms = performance.now();
  const products = (await db.query({ name: 'fleet-products', text: PRODUCTS, values: [ids] })).rows as ProductRow[];
  const instances = (await db.query({ name: 'fleet-instances', text: INSTANCES, values: [ids] })).rows as InstanceRow[];
  const now = new Date();
  const known = new Map(products.map((row) => [row.product_id, knownProduct(row, asked_ms)]));
  for (const row of instances) {
    known.get(row.product_id)?.instances.set(row.instance_id, knownInstance(row, now, stale_after_ms));
  }
  for (const row of products) {
    const product = known.get(row.product_id);
    if (product) product.needs_sum = !isSumOf(row, product, now, stale_after_ms);
  }
  return known;
}

function knownProduct(row: ProductRow, asked_ms: number): KnownProduct {
  return {
    product_id: row.product_id,
    desired: { revision: row.revision, revision_key: row.revision_key },
    takes_turns: usesOneSession(
      row,
      (row.further_client_ids ?? []).map((client_id) => ({ client_id })),
    ),
    lease:
      row.holder === null
        ? null
        : {
            instance_id: row.holder,
            boot_id: row.holder_boot ?? '',
            term: row.term ?? 0,
            expires_ms: row.lease_left_ms === null ? Number.NEGATIVE_INFINITY : asked_ms + row.lease_left_ms,
          },
    known_sessions: row.known_sessions,
    instances: new Map(),
    needs_sum: false,
    used_ms: asked_ms,
  };
}

function knownInstance(row: InstanceRow, now: Date, stale_after_ms: number): KnownInstance {
  const received_at = row.received_at ?? row.last_heartbeat_at;
  return {
    instance_id: row.instance_id,
    boot_id: row.boot_id,
    sequence: Number(row.sequence),
    delta_sequence: Number(row.delta_sequence),
    report: row.report,
    canonical: canonicalFacts(row.report),
    facts: null,
    gauges: gaugesText(row.report),
    skew_ms: Date.parse(row.report.reported_at) - received_at.getTime(),
    heard_at: row.last_heartbeat_at,
    stopped_at: row.stopped_at,
    was_live: isLive(row, now, stale_after_ms),
  };
}

function isSumOf(row: ProductRow, { instances }: KnownProduct, now: Date, stale_after_ms: number): boolean {
  const seen = [...instances.values()].map(({ report, heard_at, stopped_at }) => ({
    report,
    last_heartbeat_at: heard_at,
    stopped_at,
  }));
  const sum = sumInstances(seen, now, stale_after_ms, row);
  return (
    sum.connected === row.connected &&
    sum.state === row.state &&
    sum.reason === row.connection_error &&
    sum.applied_revision === row.applied_revision
  );
}
