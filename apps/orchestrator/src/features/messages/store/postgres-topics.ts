import type { EntityManager } from 'typeorm';
import type { TopicCount, TopicRow } from './message-store';
import { topicPattern } from './topic-pattern';

/** Topic ids that are remembered here, of all products. */
const REMEMBERED = 100_000;
/** Topics of a filter beyond which the index is not asked. */
const MAX_MATCHING = 2_000;
/** A rate is taken over this long, and the time before it. */
const WINDOW_S = 60;

/** The dictionary of topics, with what came on each. */
export class PostgresTopics {
  private readonly known = new Map<string, number>();

  /** Ids of these topics; those that are new get one. */
  async idsOf(manager: EntityManager, product_id: number, topics: readonly string[]): Promise<number[]> {
    const unknown = topics.filter((topic) => !this.known.has(keyOf(product_id, topic)));
    if (unknown.length > 0) {
      await manager.query(
        `INSERT INTO message_topics (product_id, topic, first_at, last_at, recent_from)
         SELECT $1, topic, now(), now(), now() FROM unnest($2::text[]) AS t (topic) ORDER BY md5(topic)
         ON CONFLICT DO NOTHING`,
        [product_id, unknown],
      );
      const rows = (await manager.query(
        `SELECT id, topic FROM message_topics WHERE product_id = $1
           AND decode(md5(topic), 'hex') = ANY (SELECT decode(md5(t), 'hex') FROM unnest($2::text[]) AS u (t))`,
        [product_id, unknown],
      )) as { id: number; topic: string }[];
      if (this.known.size + rows.length > REMEMBERED) this.known.clear();
      for (const { id, topic } of rows) this.known.set(keyOf(product_id, topic), id);
      const found = new Map(rows.map(({ id, topic }) => [topic, id]));
      return topics.map((topic) => found.get(topic) ?? (this.known.get(keyOf(product_id, topic)) as number));
    }
    return topics.map((topic) => this.known.get(keyOf(product_id, topic)) as number);
  }

  /** Ids of the topics under a filter; null = so many that asking by them is no help. */
  async matching(manager: EntityManager, product_id: number, filter: string): Promise<number[] | null> {
    const rows = (await manager.query(
      `SELECT id FROM message_topics WHERE product_id = $1 AND topic ~ $2 LIMIT ${MAX_MATCHING + 1}`,
      [product_id, topicPattern(filter)],
    )) as { id: number }[];
    return rows.length > MAX_MATCHING ? null : rows.map(({ id }) => id);
  }

  async count(manager: EntityManager, counts: readonly TopicCount[]): Promise<void> {
    if (counts.length === 0) return;
    const sorted = [...counts].sort((a, b) => a.product_id - b.product_id || (a.topic < b.topic ? -1 : 1));
    const of = <K extends keyof TopicCount>(name: K): TopicCount[K][] => sorted.map((count) => count[name]);
    await manager.query(
      `UPDATE message_topics t SET
         messages = t.messages + n.messages,
         bytes = t.bytes + n.bytes,
         first_at = LEAST(t.first_at, n.first_at),
         last_at = CASE WHEN t.messages = 0 THEN n.last_at ELSE GREATEST(t.last_at, n.last_at) END,
         last_value = CASE WHEN t.messages = 0 OR n.last_at >= t.last_at THEN n.last_value ELSE t.last_value END,
         last_bytes = CASE WHEN t.messages = 0 OR n.last_at >= t.last_at THEN n.last_bytes ELSE t.last_bytes END,
         earlier_from = CASE WHEN t.recent_from < now() - interval '${WINDOW_S} s' THEN t.recent_from ELSE t.earlier_from END,
         earlier_messages = CASE WHEN t.recent_from < now() - interval '${WINDOW_S} s'
           THEN t.recent_messages ELSE t.earlier_messages END,
         recent_messages = n.messages + CASE WHEN t.recent_from < now() - interval '${WINDOW_S} s'
           THEN 0 ELSE t.recent_messages END,
         recent_from = CASE WHEN t.recent_from < now() - interval '${WINDOW_S} s' THEN now() ELSE t.recent_from END
       FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::bytea[],
         $8::int[]) AS n (product_id, topic, messages, bytes, first_at, last_at, last_value, last_bytes)
       WHERE t.product_id = n.product_id AND decode(md5(t.topic), 'hex') = decode(md5(n.topic), 'hex')`,
      [
        of('product_id'),
        of('topic'),
        of('messages'),
        of('bytes'),
        of('first_at'),
        of('last_at'),
        of('last_value'),
        of('last_bytes'),
      ],
    );
  }

  async below(
    manager: EntityManager,
    product_id: number,
    { below, limit }: { below: string; limit: number },
  ): Promise<TopicRow[]> {
    const rows = (await manager.query(
      `SELECT topic, messages, bytes, first_at, last_at, last_value, last_bytes,
         CASE WHEN last_at < now() - interval '${2 * WINDOW_S} s' THEN 0
           ELSE (recent_messages + earlier_messages)
             / GREATEST(1, extract(epoch FROM now() - COALESCE(earlier_from, recent_from))) END AS rate_per_s
       FROM message_topics WHERE product_id = $1 AND messages > 0 AND ($2 = '' OR topic = $2 OR starts_with(topic, $2 || '/'))
       ORDER BY topic COLLATE "C" LIMIT ${Number(limit)}`,
      [product_id, below],
    )) as (Omit<TopicRow, 'messages' | 'bytes' | 'rate_per_s'> & {
      messages: string;
      bytes: string;
      rate_per_s: string | number;
    })[];
    return rows.map((row) => ({
      ...row,
      messages: Number(row.messages),
      bytes: Number(row.bytes),
      rate_per_s: Number(row.rate_per_s),
    }));
  }

  forget(product_id: number): void {
    const beginning = keyOf(product_id, '');
    for (const key of this.known.keys()) if (key.startsWith(beginning)) this.known.delete(key);
  }
}

const keyOf = (product_id: number, topic: string): string => `${product_id}\n${topic}`;
