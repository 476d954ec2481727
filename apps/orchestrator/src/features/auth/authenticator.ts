import { hashToken } from '@cortex-mqtt/secrets';
import type { Request } from 'express';
import type { DataSource } from 'typeorm';
import { UnauthenticatedError } from '../../http/app-error';
import type { Authenticate } from '../../http/mount-routes';
import type { ListenerPrincipal, Role, UserPrincipal } from '../../http/principal';
import { isWrite, requireCsrfToken, requireOwnOrigin } from './same-origin';
import { sessionTokenOf } from './session-cookies';

export interface AuthenticatorDeps {
  dataSource: DataSource;
  public_url: string | undefined;
  session_ttl_ms: number;
}

interface UserRow {
  id: number;
  email: string;
  name: string;
  role: Role;
  product_ids: number[];
}

const USER_COLUMNS = `u.id, u.email, u.name, u.role,
  ARRAY(SELECT p.product_id FROM user_products p WHERE p.user_id = u.id ORDER BY 1) AS product_ids`;

export interface Authenticator {
  /** Who makes a request; a write with a cookie must come from our own page, with the CSRF token. */
  authenticate: Authenticate;
  /** The same without a look at the CSRF token, for pages that guard themselves in another way. */
  identify: Authenticate;
}

/**
 * Finds out who makes a request: a bearer token (of a user or a listener), else the session cookie; null = nobody. Rights
 * are read anew at each request, so that a changed role or a disabled user counts at once.
 */
export function createAuthenticator({ dataSource, public_url, session_ttl_ms }: AuthenticatorDeps): Authenticator {
  const identify: Authenticate = async (request) => {
    const bearer = bearerOf(request);
    if (bearer === null) {
      const session = sessionTokenOf(request);
      return session === null ? null : sessionUserOf({ dataSource, session_ttl_ms }, session);
    }
    const principal = bearer.startsWith('cml_')
      ? await listenerOf(dataSource, bearer)
      : await apiUserOf(dataSource, bearer);
    if (principal === null) throw new UnauthenticatedError('The bearer token is unknown, expired or revoked.');
    return principal;
  };
  return {
    identify,
    authenticate: async (request) => {
      const principal = await identify(request);
      if (principal?.kind === 'user' && principal.via === 'session' && isWrite(request)) {
        requireOwnOrigin(request, public_url);
        requireCsrfToken(request, sessionTokenOf(request) ?? '');
      }
      return principal;
    },
  };
}

function bearerOf(request: Request): string | null {
  const header = request.headers.authorization;
  if (header === undefined) return null;
  const match = /^Bearer +([\x21-\x7e]{1,500})$/i.exec(header);
  if (!match?.[1]) throw new UnauthenticatedError('The Authorization header must be "Bearer" and a token.');
  return match[1];
}

/** `last_used_at` is written once a minute at most. */
async function apiUserOf(dataSource: DataSource, token: string): Promise<UserPrincipal | null> {
  const [row] = (await dataSource.query(
    `SELECT ${USER_COLUMNS}, t.id AS token_id,
       (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute') AS unmarked
     FROM api_tokens t JOIN users u ON u.id = t.user_id
     WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
       AND NOT u.disabled`,
    [hashToken(token)],
  )) as (UserRow & { token_id: number; unmarked: boolean })[];
  if (row === undefined) return null;
  if (row.unmarked) await dataSource.query('UPDATE api_tokens SET last_used_at = now() WHERE id = $1', [row.token_id]);
  return { ...userOf(row), via: 'api_token' };
}

async function listenerOf(dataSource: DataSource, token: string): Promise<ListenerPrincipal | null> {
  const [row] = (await dataSource.query(
    `SELECT id, product_id, (last_used_at IS NULL OR last_used_at < now() - interval '1 minute') AS unmarked
     FROM listener_tokens
     WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    [hashToken(token)],
  )) as { id: number; product_id: number; unmarked: boolean }[];
  if (row === undefined) return null;
  if (row.unmarked) await dataSource.query('UPDATE listener_tokens SET last_used_at = now() WHERE id = $1', [row.id]);
  return { kind: 'listener', token_id: row.id, product_id: row.product_id };
}

/** A session lives on while it is used, 30 days at most. */
async function sessionUserOf(
  { dataSource, session_ttl_ms }: Pick<AuthenticatorDeps, 'dataSource' | 'session_ttl_ms'>,
  token: string,
): Promise<UserPrincipal | null> {
  const [row] = (await dataSource.query(
    `SELECT ${USER_COLUMNS}, s.id AS session_id,
       (s.expires_at < now() + make_interval(secs => $2 / 2.0) AND s.created_at > now() - interval '29 days') AS ageing
     FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.token_hash = $1 AND s.expires_at > now() AND NOT u.disabled`,
    [hashToken(token), session_ttl_ms / 1_000],
  )) as (UserRow & { session_id: number; ageing: boolean })[];
  if (row === undefined) return null;
  if (row.ageing) {
    await dataSource.query(
      `UPDATE sessions SET expires_at = least(now() + make_interval(secs => $2), created_at + interval '30 days')
       WHERE id = $1`,
      [row.session_id, session_ttl_ms / 1_000],
    );
  }
  return { ...userOf(row), via: 'session' };
}

function userOf({ id, email, name, role, product_ids }: UserRow): Omit<UserPrincipal, 'via'> {
  return { kind: 'user', id, email, name, role, product_ids };
}
