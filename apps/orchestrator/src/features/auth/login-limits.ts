import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { DataSource } from 'typeorm';
import { TooManyRequestsError } from '../../http/app-error';

const WINDOW_S = 900;
/** Wrong passwords for one account from one address, and from one address in all, within the window. */
const LIMITS = { account_and_address: 5, address: 50 };

/**
 * Slows down guessing. Each attempt is counted before the password is looked at, so that many at once do not slip
 * through; a success takes its count back.
 */
export class LoginLimits {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  /** @throws TooManyRequestsError with the seconds left of the window. */
  async begin(email: string, ip: string): Promise<void> {
    const counted = await Promise.all([
      this.count(accountKey(email, ip), LIMITS.account_and_address),
      this.count(addressKey(ip), LIMITS.address),
    ]);
    const retry_after_s = Math.max(...counted);
    if (retry_after_s > 0) {
      throw new TooManyRequestsError({
        detail: `Too many attempts to sign in. Try again in ${Math.ceil(retry_after_s / 60)} min.`,
        retry_after_s,
      });
    }
  }

  async succeeded(email: string, ip: string): Promise<void> {
    const { dataSource } = this.deps;
    await dataSource.query('DELETE FROM login_failures WHERE key = $1', [accountKey(email, ip)]);
    await dataSource.query('UPDATE login_failures SET failures = greatest(failures - 1, 0) WHERE key = $1', [
      addressKey(ip),
    ]);
  }

  /** Forgets windows that are over. */
  async forgetOld(): Promise<void> {
    await this.deps.dataSource.query(
      `DELETE FROM login_failures WHERE window_started_at < now() - make_interval(secs => $1)`,
      [WINDOW_S],
    );
  }

  /** Seconds to wait; 0 = within the limit. */
  private async count(key: string, limit: number): Promise<number> {
    const [row] = (await this.deps.dataSource.query(
      `INSERT INTO login_failures AS f (key, failures, window_started_at) VALUES ($1, 1, now())
       ON CONFLICT (key) DO UPDATE SET
         failures = CASE WHEN f.window_started_at < now() - make_interval(secs => $2) THEN 1 ELSE f.failures + 1 END,
         window_started_at = CASE WHEN f.window_started_at < now() - make_interval(secs => $2) THEN now()
                             ELSE f.window_started_at END
       RETURNING failures, ceil(extract(epoch FROM window_started_at - now()) + $2)::int AS left_s`,
      [key, WINDOW_S],
    )) as { failures: number; left_s: number }[];
    return row !== undefined && row.failures > limit ? Math.max(1, row.left_s) : 0;
  }
}

const accountKey = (email: string, ip: string) => sha256(`account\0${email}\0${network(ip)}`);
const addressKey = (ip: string) => sha256(`address\0${network(ip)}`);

/** One household has a whole IPv6 /64. */
function network(ip: string): string {
  if (!isIPv6(ip) || ip.startsWith('::ffff:')) return ip;
  const [head = '', tail = ''] = ip.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = ip.includes('::') ? Array(Math.max(0, 8 - left.length - right.length)).fill('0') : [];
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
