import type { EntityManager } from 'typeorm';
import { BUCKET_WIDTH_S } from './metric-buckets';

export interface MessageRates {
  /** Messages a second over the last minute. */
  rate_1m: number;
  /** … and over the last 15 minutes. */
  rate_15m: number;
}

/** From the finest buckets: the whole ones of the time, and the one that has begun. */
export async function messageRates(manager: EntityManager, product_id: number, now: Date): Promise<MessageRates> {
  const current_ms = Math.floor(now.getTime() / (BUCKET_WIDTH_S * 1000)) * BUCKET_WIDTH_S * 1000;
  const since_1m = new Date(current_ms - 60_000);
  const since_15m = new Date(current_ms - 900_000);
  const [sums] = await manager.query<{ sum_1m: string | null; sum_15m: string | null }[]>(
    `SELECT sum(messages_received) FILTER (WHERE starts_at >= $3) AS sum_1m, sum(messages_received) AS sum_15m
     FROM metric_buckets WHERE product_id = $1 AND width_s = $2 AND starts_at >= $4`,
    [product_id, BUCKET_WIDTH_S, since_1m, since_15m],
  );
  return {
    rate_1m: perSecond(sums?.sum_1m, since_1m, now),
    rate_15m: perSecond(sums?.sum_15m, since_15m, now),
  };
}

export function perSecond(sum: string | null | undefined, since: Date, now: Date): number {
  const seconds = (now.getTime() - since.getTime()) / 1000;
  return Math.round((Number(sum ?? 0) / seconds) * 100) / 100;
}
