import type { EntityManager } from 'typeorm';

/** What waits for channels and how their last messages went. */
export interface ChannelDeliveries {
  channel_id: number;
  waiting: number;
  last_sent_at: Date | null;
  last_error: string | null;
}

export async function channelDeliveries(
  manager: EntityManager,
  ids: readonly number[],
): Promise<Map<number, ChannelDeliveries>> {
  const rows = await manager.query<ChannelDeliveries[]>(
    `SELECT channel_id, (count(*) FILTER (WHERE sent_at IS NULL AND failed_at IS NULL))::int AS waiting, max(sent_at) AS last_sent_at,
       (array_agg(last_error ORDER BY id DESC) FILTER (WHERE sent_at IS NULL AND last_error IS NOT NULL))[1] AS last_error
     FROM alert_outbox WHERE channel_id = ANY($1::int[]) GROUP BY channel_id`,
    [ids],
  );
  return new Map(rows.map((row) => [row.channel_id, row]));
}

/** Names of the rules that name a channel. */
export async function rulesOfChannel(manager: EntityManager, id: number): Promise<string[]> {
  const rows = await manager.query<{ name: string }[]>(
    'SELECT name FROM alert_rules WHERE channel_ids @> to_jsonb($1::int) ORDER BY name',
    [id],
  );
  return rows.map(({ name }) => name);
}
