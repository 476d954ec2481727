import type { DataSource } from 'typeorm';
import { type ListenerPrincipal, type Role, SCOPES, type Scope, type UserPrincipal } from '../../http/principal';

/** A credential that opens something, and what it opens. */
export interface Credential<P> {
  principal: P;
  /** Writes down that it was used; once a minute at most, so that reads stay reads. */
  markUsed(): Promise<void>;
}

interface UserRow {
  id: number;
  email: string;
  name: string;
  role: Role;
  all_products: boolean;
  product_ids: number[];
  may_read_payloads: boolean;
}

const USER_COLUMNS = `u.id, u.email, u.name, u.role, u.all_products, u.may_read_payloads,
  ARRAY(SELECT p.product_id FROM user_products p WHERE p.user_id = u.id ORDER BY 1) AS product_ids`;

/** A credential is good while it is neither revoked nor over, and its user not disabled: one statement each. */
export class CredentialStore {
  constructor(private readonly deps: { dataSource: DataSource; session_ttl_ms: number }) {}

  async apiToken(hash: string): Promise<Credential<UserPrincipal> | null> {
    const [row] = await this.deps.dataSource.query<
      (UserRow & { token_id: number; scopes: Scope[]; token_product_ids: number[] | null; unmarked: boolean })[]
    >(
      `SELECT ${USER_COLUMNS}, t.id AS token_id, t.scopes, t.product_ids AS token_product_ids,
         (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute') AS unmarked
       FROM api_tokens t JOIN users u ON u.id = t.user_id
       WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
         AND NOT u.disabled`,
      [hash],
    );
    if (row === undefined) return null;
    const principal = limited(
      { ...userOf(row), via: 'api_token', credential_id: row.token_id },
      { scopes: row.scopes, product_ids: row.token_product_ids },
    );
    return { principal, markUsed: () => this.mark('api_tokens', row.token_id, row.unmarked) };
  }

  async listenerToken(hash: string): Promise<Credential<ListenerPrincipal> | null> {
    const [row] = await this.deps.dataSource.query<{ id: number; product_id: number; unmarked: boolean }[]>(
      `SELECT id, product_id, (last_used_at IS NULL OR last_used_at < now() - interval '1 minute') AS unmarked
       FROM listener_tokens
       WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
      [hash],
    );
    if (row === undefined) return null;
    return {
      principal: { kind: 'listener', token_id: row.id, product_id: row.product_id },
      markUsed: () => this.mark('listener_tokens', row.id, row.unmarked),
    };
  }

  /** Whether a listener's token was that of a product that is deleted, and whose sessions are still being ended. */
  async isOfDeletedProduct(hash: string): Promise<boolean> {
    const rows = await this.deps.dataSource.query<unknown[]>(
      'SELECT 1 FROM left_sessions WHERE listener_token_hashes @> ARRAY[$1] LIMIT 1',
      [hash],
    );
    return rows.length > 0;
  }

  /** Whether the token is there at all, revoked or not. */
  async hasListenerToken(hash: string): Promise<boolean> {
    const rows = await this.deps.dataSource.query<unknown[]>('SELECT 1 FROM listener_tokens WHERE token_hash = $1', [
      hash,
    ]);
    return rows.length > 0;
  }

  /** A session lives on while it is used, 30 days at most. */
  async session(hash: string): Promise<Credential<UserPrincipal> | null> {
    const { dataSource, session_ttl_ms } = this.deps;
    const ttl_s = session_ttl_ms / 1_000;
    const [row] = await dataSource.query<(UserRow & { session_id: number; unmarked: boolean })[]>(
      `SELECT ${USER_COLUMNS}, s.id AS session_id,
         (s.last_used_at IS NULL OR s.last_used_at < now() - interval '1 minute'
          OR (s.expires_at < now() + make_interval(secs => $2 / 2.0) AND s.created_at > now() - interval '29 days')
         ) AS unmarked
       FROM sessions s JOIN users u ON u.id = s.user_id
       WHERE s.token_hash = $1 AND s.expires_at > now() AND NOT u.disabled`,
      [hash, ttl_s],
    );
    if (row === undefined) return null;
    return {
      principal: {
        ...userOf(row),
        via: 'session',
        credential_id: row.session_id,
        scopes: SCOPES,
        is_limited: false,
      },
      markUsed: async () => {
        if (!row.unmarked) return;
        await dataSource.query(
          `UPDATE sessions SET last_used_at = now(),
             expires_at = CASE
               WHEN expires_at < now() + make_interval(secs => $2 / 2.0) AND created_at > now() - interval '29 days'
               THEN least(now() + make_interval(secs => $2), created_at + interval '30 days') ELSE expires_at END
           WHERE id = $1`,
          [row.session_id, ttl_s],
        );
      },
    };
  }

  private async mark(table: 'api_tokens' | 'listener_tokens', id: number, unmarked: boolean): Promise<void> {
    if (unmarked) await this.deps.dataSource.query(`UPDATE ${table} SET last_used_at = now() WHERE id = $1`, [id]);
  }
}

type Person = Omit<UserPrincipal, 'via' | 'credential_id' | 'scopes' | 'is_limited'>;

function userOf(row: UserRow): Person {
  const { id, email, name, role } = row;
  const all_products = row.all_products || role === 'admin';
  return {
    kind: 'user',
    id,
    email,
    name,
    role,
    all_products,
    product_ids: all_products ? [] : row.product_ids,
    may_read_payloads: row.may_read_payloads || role !== 'viewer',
  };
}

/** A token opens what its user may see and what it was made for, never more than either. */
function limited(
  user: Person & Pick<UserPrincipal, 'via' | 'credential_id'>,
  token: { scopes: Scope[]; product_ids: number[] | null },
): UserPrincipal {
  const { scopes, product_ids } = token;
  if (product_ids === null) return { ...user, scopes, is_limited: false };
  return {
    ...user,
    all_products: false,
    product_ids: user.all_products ? product_ids : product_ids.filter((id) => user.product_ids.includes(id)),
    scopes,
    is_limited: true,
  };
}
