import type { Queries } from '../../database/queries';
import { encodeStatusChanges, STATUS_CHANNEL } from '../connection-status/status-channel';

/** A report that says nothing new. */
export interface Heartbeat {
  product_id: number;
  instance_id: string;
  boot_id: string;
  sequence: number;
  received_at: Date;
}

export interface Renewal {
  product_id: number;
  instance_id: string;
  boot_id: string;
  /** On the clock of `performance.now()`: the lease runs from then on. */
  reported_ms: number;
}

const WRITE = `UPDATE listener_instances i SET last_heartbeat_at = greatest(i.last_heartbeat_at, d.at), sequence = d.sequence
  FROM unnest($1::int[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[])
    AS d(product_id, instance_id, boot_id, sequence, at)
  WHERE i.product_id = d.product_id AND i.instance_id = d.instance_id AND i.boot_id = d.boot_id
    AND i.sequence < d.sequence AND i.stopped_at IS NULL
  RETURNING i.product_id, i.instance_id`;

const NOTIFY = 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload';

/** Only the holder renews, and a connected one: who holds it keeps it, as in `takeTurn`. */
const RENEW = `UPDATE product_leases l SET connected_at = clock_timestamp(),
    expires_at = greatest(l.expires_at, clock_timestamp() + make_interval(secs => ($4::float8 - d.age_ms) / 1000))
  FROM unnest($1::int[], $2::text[], $3::text[], $5::float8[]) AS d(product_id, instance_id, boot_id, age_ms)
  WHERE l.product_id = d.product_id AND l.instance_id = d.instance_id AND l.boot_id = d.boot_id
    AND isfinite(l.expires_at)
  RETURNING l.product_id, (extract(epoch FROM l.expires_at - clock_timestamp()) * 1000)::float8 AS left_ms`;

/** Writes the newest heartbeat of each instance. Answers the products of those that were there as expected. */
export async function writeHeartbeats(
  db: Queries,
  { node_id, heartbeats }: { node_id: string; heartbeats: Heartbeat[] },
): Promise<Set<string>> {
  const sorted = [...heartbeats].sort((a, b) => a.product_id - b.product_id);
  const { rows } = await db.query({
    name: 'fleet-heartbeats',
    text: WRITE,
    values: [
      sorted.map(({ product_id }) => product_id),
      sorted.map(({ instance_id }) => instance_id),
      sorted.map(({ boot_id }) => boot_id),
      sorted.map(({ sequence }) => sequence),
      sorted.map(({ received_at }) => received_at),
    ],
  });
  const written = rows as { product_id: number; instance_id: string }[];
  const product_ids = [...new Set(written.map(({ product_id }) => product_id))];
  const payloads = encodeStatusChanges({ node_id, kind: 'heartbeat', product_ids });
  await db.query({ name: 'fleet-notify', text: NOTIFY, values: [STATUS_CHANNEL, payloads] });
  return new Set(written.map(({ product_id, instance_id }) => `${product_id} ${instance_id}`));
}

/** Answers for how long each lease that was renewed is committed, on the clock of `performance.now()`. */
export async function renewLeases(
  db: Queries,
  { renewals, ttl_ms }: { renewals: Renewal[]; ttl_ms: number },
): Promise<Map<number, number>> {
  const asked_ms = performance.now();
  const sorted = [...renewals].sort((a, b) => a.product_id - b.product_id);
  const { rows } = await db.query({
    name: 'fleet-leases',
    text: RENEW,
    values: [
      sorted.map(({ product_id }) => product_id),
      sorted.map(({ instance_id }) => instance_id),
      sorted.map(({ boot_id }) => boot_id),
      ttl_ms,
      sorted.map(({ reported_ms }) => asked_ms - reported_ms),
    ],
  });
  const renewed = rows as { product_id: number; left_ms: number }[];
  return new Map(renewed.map(({ product_id, left_ms }) => [product_id, asked_ms + left_ms]));
}
