import { OUTCOMES, outcomeBit, outcomeCode, receivedAtOf, timeKey } from '@cortex-mqtt/messages';
import type { DataSource, EntityManager } from 'typeorm';
import { dayOf, dropDays, ensureDays } from './day-partitions';
import type {
  ArchiveUsage,
  MessageStore,
  NewSegment,
  Retention,
  SegmentFilter,
  SegmentHead,
  StoredGap,
  StoredOutcome,
  TopicCount,
  TopicRow,
} from './message-store';
import { PostgresTopics } from './postgres-topics';

const DAY_MS = 24 * 3600 * 1000;
/** Bytes of a segment beside its body: row, indexes, pages of TOAST. */
const ROW_BYTES = 400;
const TRIM_BATCH = 200;

const HEAD = `id, day::text AS day, sequence, first_id, last_id, messages, payload_bytes,
  octet_length(body) + ${ROW_BYTES} AS stored_bytes`;

/** Segments in PostgreSQL: a partition a day, a dictionary of topics, a GIN index over the topics of a segment. */
export class PostgresMessageStore implements MessageStore {
  private readonly days = new Set<string>();
  private readonly topics = new PostgresTopics();

  constructor(private readonly dataSource: DataSource) {}

  async addSegment(segment: NewSegment, gaps: readonly StoredGap[]): Promise<boolean> {
    const { manager } = this.dataSource;
    const day = storedDay(receivedAtOf(segment.first_id));
    await ensureDays(manager, [day], this.days);
    const topic_ids = await this.topics.idsOf(manager, segment.product_id, segment.topics);
    return manager.transaction(async (inner) => {
      const rows = (await inner.query(
        `INSERT INTO message_segments
           (day, product_id, id, first_id, last_id, messages, payload_bytes, outcomes, subscription_ids, topic_ids, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING 1`,
        [
          day,
          segment.product_id,
          segment.id,
          segment.first_id,
          segment.last_id,
          segment.messages,
          segment.payload_bytes,
          segment.outcomes,
          segment.subscription_ids,
          topic_ids,
          segment.body,
        ],
      )) as unknown[];
      if (rows.length === 0) return false;
      await count(inner, segment.product_id, {
        bytes: segment.body.length + ROW_BYTES,
        messages: segment.messages,
      });
      await insertGaps(inner, segment.product_id, segment.id, gaps);
      return true;
    });
  }

  async addGaps(product_id: number, segment_id: string, gaps: readonly StoredGap[]): Promise<void> {
    await insertGaps(this.dataSource.manager, product_id, segment_id, gaps);
  }

  async addOutcomes(product_id: number, outcomes: readonly StoredOutcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    const { manager } = this.dataSource;
    const rows = newestOfEach(outcomes).map((outcome) => ({
      ...outcome,
      day: storedDay(receivedAtOf(outcome.message_id)),
    }));
    await ensureDays(
      manager,
      rows.map(({ day }) => day),
      this.days,
    );
    await manager.transaction(async (inner) => {
      await inner.query(
        `INSERT INTO message_outcomes AS o (day, product_id, message_id, subscription_id, outcome, at, body)
         SELECT day, $2, message_id, subscription_id, outcome, at, body
         FROM unnest($1::date[], $3::text[], $4::int[], $5::smallint[], $6::timestamptz[], $7::bytea[])
           AS n (day, message_id, subscription_id, outcome, at, body)
         ON CONFLICT (product_id, message_id, subscription_id, day) DO UPDATE
           SET outcome = EXCLUDED.outcome, at = EXCLUDED.at, body = EXCLUDED.body WHERE o.at <= EXCLUDED.at`,
        [
          rows.map(({ day }) => day),
          product_id,
          rows.map(({ message_id }) => message_id),
          rows.map(({ subscription_id }) => subscription_id),
          rows.map(({ outcome }) => outcomeCode(outcome)),
          rows.map(({ at }) => at),
          rows.map(({ body }) => body),
        ],
      );
      // So that a search by outcome looks into the segments of these messages.
      for (const outcome of new Set(rows.map((row) => row.outcome))) {
        const ids = rows.filter((row) => row.outcome === outcome).map(({ message_id }) => message_id);
        await inner.query(
          `UPDATE message_segments s SET outcomes = outcomes | $2
           WHERE product_id = $1 AND outcomes & $2 = 0 AND last_id >= $3 AND first_id <= $4
             AND EXISTS (SELECT 1 FROM unnest($5::text[]) AS m (id) WHERE m.id BETWEEN s.first_id AND s.last_id)`,
          [product_id, outcomeBit(outcome), smallest(ids), largest(ids), ids],
        );
      }
    });
  }

  countTopics(counts: readonly TopicCount[]): Promise<void> {
    return this.topics.count(this.dataSource.manager, counts);
  }

  async segments(
    product_id: number,
    filter: SegmentFilter,
    { order, limit, after }: { order: 'newest' | 'oldest'; limit: number; after?: SegmentHead | null },
  ): Promise<SegmentHead[]> {
    const { manager } = this.dataSource;
    const values: unknown[] = [product_id];
    const conditions = ['product_id = $1'];
    const add = (condition: (place: string) => string, value: unknown): void => {
      values.push(value);
      conditions.push(condition(`$${values.length}`));
    };
    if (filter.from_id !== null) {
      add((place) => `last_id >= ${place}`, filter.from_id);
      add((place) => `day >= ${place}`, dayOf(receivedAtOf(filter.from_id) - DAY_MS));
    }
    if (filter.before_id !== null) add((place) => `first_id < ${place}`, filter.before_id);
    if (filter.subscription_id !== null) add((place) => `${place} = ANY (subscription_ids)`, filter.subscription_id);
    if (filter.outcomes !== null) {
      add(
        (place) => `outcomes & ${place}::int <> 0`,
        filter.outcomes.reduce((bits, one) => bits | outcomeBit(one), 0),
      );
    }
    if (filter.topic_filter !== null) {
      const ids = await this.topics.matching(manager, product_id, filter.topic_filter);
      if (ids?.length === 0) return [];
      // Too many to ask the index for: then what matches is found by looking into the segments.
      if (ids !== null) add((place) => `topic_ids && ${place}::int[]`, ids);
    }
    if (after) {
      const [key, sign] = order === 'newest' ? ['last_id', '<'] : ['first_id', '>'];
      values.push(order === 'newest' ? after.last_id : after.first_id, after.id);
      conditions.push(`(${key}, id) ${sign} ($${values.length - 1}, $${values.length})`);
    }
    const by = order === 'newest' ? 'last_id DESC, id DESC' : 'first_id, id';
    const rows = (await manager.query(
      `SELECT ${HEAD} FROM message_segments WHERE ${conditions.join(' AND ')} ORDER BY ${by} LIMIT ${Number(limit)}`,
      values,
    )) as HeadRow[];
    return rows.map(head);
  }

  async segmentsSince(product_id: number, sequence: number, limit: number): Promise<SegmentHead[]> {
    const rows = (await this.dataSource.query(
      `SELECT ${HEAD} FROM message_segments WHERE product_id = $1 AND sequence > $2 AND day >= $3
       ORDER BY sequence LIMIT ${Number(limit)}`,
      [product_id, sequence, dayOf(Date.now() - 2 * DAY_MS)],
    )) as HeadRow[];
    return rows.map(head);
  }

  async messagesSince(product_id: number, sequence: number, upto: number): Promise<number> {
    const [row] = (await this.dataSource.query(
      `SELECT COALESCE(sum(messages), 0) AS messages FROM message_segments
       WHERE product_id = $1 AND sequence > $2 AND sequence <= $3`,
      [product_id, sequence, upto],
    )) as { messages: string }[];
    return Number(row?.messages ?? 0);
  }

  async newestSequence(product_id: number): Promise<number> {
    const [row] = (await this.dataSource.query(
      'SELECT COALESCE(max(sequence), 0) AS newest FROM message_segments WHERE product_id = $1',
      [product_id],
    )) as { newest: string }[];
    return Number(row?.newest ?? 0);
  }

  async messagesBetween(product_id: number, from_id: string, before_id: string): Promise<number> {
    const [row] = (await this.dataSource.query(
      `SELECT COALESCE(sum(messages), 0) AS messages FROM message_segments
       WHERE product_id = $1 AND last_id >= $2 AND first_id < $3`,
      [product_id, from_id, before_id],
    )) as { messages: string }[];
    return Number(row?.messages ?? 0);
  }

  async body(product_id: number, { id, day }: SegmentHead): Promise<Buffer | null> {
    const [row] = (await this.dataSource.query(
      'SELECT body FROM message_segments WHERE product_id = $1 AND id = $2 AND day = $3',
      [product_id, id, day],
    )) as { body: Buffer }[];
    return row?.body ?? null;
  }

  async outcomesBetween(product_id: number, first_id: string, last_id: string): Promise<StoredOutcome[]> {
    const rows = (await this.dataSource.query(
      `SELECT message_id, subscription_id, outcome, at, body FROM message_outcomes
       WHERE product_id = $1 AND message_id BETWEEN $2 AND $3 AND day >= $4`,
      [product_id, first_id, last_id, dayOf(receivedAtOf(first_id) - DAY_MS)],
    )) as { message_id: string; subscription_id: number; outcome: number; at: Date; body: Buffer | null }[];
    return rows.map((row) => ({ ...row, outcome: OUTCOMES[row.outcome] ?? 'waiting' }));
  }

  async gaps(product_id: number, from: Date | null, to: Date | null): Promise<StoredGap[]> {
    const rows = (await this.dataSource.query(
      `SELECT from_at, to_at, messages, reason FROM message_gaps
       WHERE product_id = $1 AND ($2::timestamptz IS NULL OR to_at >= $2) AND ($3::timestamptz IS NULL OR from_at <= $3)
       ORDER BY to_at DESC LIMIT 100`,
      [product_id, from, to],
    )) as (Omit<StoredGap, 'messages'> & { messages: string | null })[];
    return rows.map((row) => ({ ...row, messages: row.messages === null ? null : Number(row.messages) }));
  }

  topicsBelow(product_id: number, below: string, limit: number): Promise<TopicRow[]> {
    return this.topics.below(this.dataSource.manager, product_id, { below, limit });
  }

  async usage(product_id: number): Promise<ArchiveUsage> {
    const [row] = (await this.dataSource.query(
      `SELECT stored_bytes, messages,
         (SELECT min(last_id) FROM message_segments WHERE product_id = $1) AS oldest,
         (SELECT max(last_id) FROM message_segments WHERE product_id = $1) AS newest
       FROM message_archives WHERE product_id = $1`,
      [product_id],
    )) as { stored_bytes: string; messages: string; oldest: string | null; newest: string | null }[];
    const at = (id: string | null | undefined) => (id ? new Date(receivedAtOf(id)) : null);
    return {
      stored_bytes: Number(row?.stored_bytes ?? 0),
      messages: Number(row?.messages ?? 0),
      oldest_at: at(row?.oldest),
      newest_at: at(row?.newest),
    };
  }

  async trim(product_id: number, { max_age_days, max_bytes }: Retention): Promise<number> {
    const oldest_id = timeKey(Date.now() - max_age_days * DAY_MS);
    let dropped = 0;
    for (;;) {
      const { stored_bytes } = await this.usageNow(product_id);
      const over = Math.max(0, stored_bytes - max_bytes);
      const batch = await this.dataSource.transaction((manager) =>
        dropOldest(manager, product_id, { oldest_id, over }),
      );
      dropped += batch;
      if (batch < TRIM_BATCH) break;
    }
    await this.dataSource.query('DELETE FROM message_gaps WHERE product_id = $1 AND to_at < $2', [
      product_id,
      new Date(Date.now() - max_age_days * DAY_MS),
    ]);
    return dropped;
  }

  async dropDaysBefore(day: Date): Promise<void> {
    await ensureDays(this.dataSource.manager, [dayOf(Date.now()), dayOf(Date.now() + DAY_MS)], this.days);
    const gone = await dropDays(this.dataSource.manager, dayOf(day.getTime()), this.days);
    if (gone.length === 0) return;
    // What each product has is counted again: nobody counted what the dropped days had.
    await this.dataSource.query(
      `UPDATE message_archives a SET (stored_bytes, messages) = (
         SELECT COALESCE(sum(octet_length(body) + ${ROW_BYTES}), 0), COALESCE(sum(messages), 0)
         FROM message_segments s WHERE s.product_id = a.product_id)`,
    );
  }

  async products(): Promise<number[]> {
    const rows = (await this.dataSource.query('SELECT product_id FROM message_archives')) as { product_id: number }[];
    return rows.map(({ product_id }) => product_id);
  }

  async forget(product_id: number): Promise<void> {
    this.topics.forget(product_id);
    await this.dataSource.transaction(async (manager) => {
      for (const table of ['segments', 'outcomes', 'gaps', 'topics', 'archives']) {
        await manager.query(`DELETE FROM message_${table} WHERE product_id = $1`, [product_id]);
      }
    });
  }

  private async usageNow(product_id: number): Promise<{ stored_bytes: number }> {
    const [row] = (await this.dataSource.query('SELECT stored_bytes FROM message_archives WHERE product_id = $1', [
      product_id,
    ])) as { stored_bytes: string }[];
    return { stored_bytes: Number(row?.stored_bytes ?? 0) };
  }
}

type HeadRow = Omit<SegmentHead, 'sequence' | 'payload_bytes'> & { sequence: string; payload_bytes: string };

const head = (row: HeadRow): SegmentHead => ({
  ...row,
  sequence: Number(row.sequence),
  payload_bytes: Number(row.payload_bytes),
});

/** A clock that is far off must not make a table for a day that never was: what is not near today is stored under today. */
function storedDay(received_at_ms: number): string {
  const now_ms = Date.now();
  const isNear = received_at_ms > now_ms - 400 * DAY_MS && received_at_ms < now_ms + DAY_MS;
  return dayOf(isNear ? received_at_ms : now_ms);
}

async function count(
  manager: EntityManager,
  product_id: number,
  change: { bytes: number; messages: number },
): Promise<void> {
  await manager.query(
    `INSERT INTO message_archives AS a (product_id, stored_bytes, messages) VALUES ($1, $2, $3)
     ON CONFLICT (product_id) DO UPDATE
       SET stored_bytes = a.stored_bytes + EXCLUDED.stored_bytes, messages = a.messages + EXCLUDED.messages`,
    [product_id, change.bytes, change.messages],
  );
}

/** The oldest that are too old, or with which the archive is over its bound; one batch of them. */
async function dropOldest(
  manager: EntityManager,
  product_id: number,
  { oldest_id, over }: { oldest_id: string; over: number },
): Promise<number> {
  const rows = (await manager.query(
    `SELECT id, day::text AS day, last_id, messages, octet_length(body) + ${ROW_BYTES} AS bytes
     FROM message_segments WHERE product_id = $1 ORDER BY last_id LIMIT ${TRIM_BATCH}`,
    [product_id],
  )) as { id: string; day: string; last_id: string; messages: number; bytes: number }[];
  let bytes = 0;
  const gone = rows.filter((row) => {
    const isGone = row.last_id < oldest_id || bytes < over;
    if (isGone) bytes += row.bytes;
    return isGone;
  });
  if (gone.length === 0) return 0;
  const deleted = (await manager.query(
    `WITH gone AS (
       DELETE FROM message_segments s USING unnest($2::text[], $3::date[]) AS g (id, day)
       WHERE s.product_id = $1 AND s.id = g.id AND s.day = g.day
       RETURNING octet_length(s.body) + ${ROW_BYTES} AS bytes, s.messages)
     SELECT COALESCE(sum(bytes), 0) AS bytes, COALESCE(sum(messages), 0) AS messages FROM gone`,
    [product_id, gone.map(({ id }) => id), gone.map(({ day }) => day)],
  )) as { bytes: string; messages: string }[];
  await count(manager, product_id, { bytes: -Number(deleted[0]?.bytes), messages: -Number(deleted[0]?.messages) });
  const newest = gone.at(-1);
  if (newest) {
    await manager.query('DELETE FROM message_outcomes WHERE product_id = $1 AND message_id <= $2', [
      product_id,
      newest.last_id,
    ]);
  }
  return gone.length;
}

async function insertGaps(
  manager: EntityManager,
  product_id: number,
  segment_id: string,
  gaps: readonly StoredGap[],
): Promise<void> {
  for (const { from_at, to_at, messages, reason } of gaps) {
    await manager.query(
      `INSERT INTO message_gaps (product_id, segment_id, from_at, to_at, messages, reason)
       SELECT $1::int, $2::varchar, $3::timestamptz, $4::timestamptz, $5::bigint, $6::varchar
       WHERE NOT EXISTS (SELECT 1 FROM message_gaps WHERE product_id = $1::int AND segment_id = $2::varchar AND reason = $6::varchar)`,
      [product_id, segment_id, from_at, to_at, messages, reason],
    );
  }
}

function newestOfEach(outcomes: readonly StoredOutcome[]): StoredOutcome[] {
  const newest = new Map<string, StoredOutcome>();
  for (const outcome of outcomes) {
    const key = `${outcome.message_id}/${outcome.subscription_id}`;
    const known = newest.get(key);
    if (!known || known.at <= outcome.at) newest.set(key, outcome);
  }
  // In one order, so that two that write the same rows wait for each other instead of both being refused.
  return [...newest.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, outcome]) => outcome);
}

const smallest = (ids: string[]): string => ids.reduce((a, b) => (a < b ? a : b));
const largest = (ids: string[]): string => ids.reduce((a, b) => (a > b ? a : b));
