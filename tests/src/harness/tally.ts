import { type HttpAnswer, type HttpReceiver, startHttpReceiver, waitFor } from '@cortex-mqtt/testing';

/** What a webhook receiver has got of the numbered messages of a stream. */
export interface Tally {
  url: string;
  receiver: HttpReceiver;
  /** Different numbers so far. */
  distinct(): number;
  /** Requests beyond the first of a number. */
  duplicates(): number;
  /** Numbers below `count` that never came. */
  missing(count: number): number[];
  /** Numbers that came under more than one `webhook-id`. */
  unstableIds(): number[];
  /** Waits until all numbers below `count` have come. Resolves with the milliseconds that took. */
  untilComplete(count: number, timeout_ms?: number): Promise<number>;
  clear(): void;
  stop(): Promise<void>;
}

const PATIENCE_MS = 120_000;

/** `answer` decides what the receiver says to the message of a number; default 200. */
export async function startTally(answer: (n: number, attempt: number) => HttpAnswer = () => ({})): Promise<Tally> {
  const seen = new Map<number, { ids: Set<string>; requests: number }>();
  let duplicates = 0;
  const receiver = await startHttpReceiver({
    countOnly: true,
    answer: (request) => {
      const { n } = request.json<{ payload: { n: number } }>().payload;
      const entry = seen.get(n) ?? { ids: new Set<string>(), requests: 0 };
      if (entry.requests > 0) duplicates += 1;
      entry.requests += 1;
      entry.ids.add(String(request.headers['webhook-id']));
      seen.set(n, entry);
      return answer(n, entry.requests);
    },
  });
  const missing = (count: number): number[] => {
    const absent: number[] = [];
    for (let n = 0; n < count; n += 1) if (!seen.has(n)) absent.push(n);
    return absent;
  };
  return {
    url: receiver.url,
    receiver,
    distinct: () => seen.size,
    duplicates: () => duplicates,
    missing,
    unstableIds: () => [...seen].filter(([, { ids }]) => ids.size > 1).map(([n]) => n),
    async untilComplete(count, timeout_ms = PATIENCE_MS) {
      const began = Date.now();
      await waitFor(() => seen.size >= count && missing(count).length === 0, {
        timeout_ms,
        interval_ms: 50,
        message: () =>
          `all of ${count} messages; ${seen.size} came, missing: ${missing(count).slice(0, 20).join(', ')}`,
      });
      return Date.now() - began;
    },
    clear: () => {
      seen.clear();
      duplicates = 0;
    },
    stop: () => receiver.stop(),
  };
}
