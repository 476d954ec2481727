import { Pool } from 'undici';
import { now_ms, serveWorker } from './worker';

let pool: Pool | null = null;

/** undici as its documentation shows it: `request` on a pool, the answer read to its end. */
const methods = {
  open: ({ url, connections }: { url: string; connections: number }): void => {
    pool = new Pool(url, { connections, pipelining: 1 });
  },
  post: async ({ count, concurrency, body }: { count: number; concurrency: number; body: string }) => {
    const current = pool;
    if (!current) throw new Error('no pool is open');
    const headers = { 'content-type': 'application/json' };
    let begun = 0;
    const one = async (): Promise<void> => {
      while (begun < count) {
        begun += 1;
        const { body: answer } = await current.request({ method: 'POST', path: '/hook', headers, body });
        await answer.dump();
      }
    };
    const started_ms = now_ms();
    await Promise.all(Array.from({ length: concurrency }, one));
    return { started_ms, ended_ms: now_ms() };
  },
};

export type PlainSenderMethods = typeof methods;

if (require.main === module) serveWorker(methods);
