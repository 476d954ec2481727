import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4_096;

/** Random ids as hexadecimal digits, from a pool: each of its own would cost a call into the system. */
export function createTraceIds(): { traceId(): string; spanId(): string } {
  const pool = Buffer.alloc(POOL_BYTES);
  let at = POOL_BYTES;
  const take = (bytes: number): string => {
    if (at + bytes > POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    const id = pool.toString('hex', at, at + bytes);
    at += bytes;
    // All zeros is no id (Trace Context, 3.2.2.3).
    return /[^0]/.test(id) ? id : take(bytes);
  };
  return { traceId: () => take(16), spanId: () => take(8) };
}
