import { hashToken } from '@cortex-mqtt/secrets';
import type { Request } from 'express';
import type { DataSource } from 'typeorm';
import { GoneError, UnauthenticatedError, UnknownListenerTokenError } from '../../http/app-error';
import type { Authenticate } from '../../http/mount-routes';
import type { ListenerPrincipal, UserPrincipal } from '../../http/principal';
import { type Credential, CredentialStore } from './credential.store';
import { isWrite, requireCsrfToken, requireOwnOrigin } from './same-origin';
import type { SessionCookies } from './session-cookies';

export interface AuthenticatorDeps {
  dataSource: DataSource;
  cookies: SessionCookies;
  public_url: string | undefined;
  session_ttl_ms: number;
}

export interface Authenticator {
  /** Who makes a request; a write with a cookie must come from our own page, with the CSRF token. */
  authenticate: Authenticate;
  /** The same without a look at the CSRF token, for pages that guard themselves in another way. */
  identify: Authenticate;
  /** Who made a request that is still being answered. Counts as no use: an open page keeps no session alive. */
  identifyAgain: Authenticate;
  /** The user of a session that was just opened. */
  sessionUser(session_token: string): Promise<UserPrincipal>;
}

/**
 * Finds out who makes a request: a bearer token (of a user or a listener), else the session cookie; null = nobody. Rights
 * are read at each request, so that a changed role or a disabled user counts at once.
 */
export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { dataSource, cookies, public_url, session_ttl_ms } = deps;
  const store = new CredentialStore({ dataSource, session_ttl_ms });
  const find = async (request: Request): Promise<Credential<UserPrincipal | ListenerPrincipal> | null> => {
    const bearer = bearerOf(request);
    if (bearer === null) {
      const session = cookies.tokenOf(request);
      return session === null ? null : store.session(hashToken(session));
    }
    const hash = hashToken(bearer);
    const is_listener = bearer.startsWith('cml_');
    const found = await (is_listener ? store.listenerToken(hash) : store.apiToken(hash));
    if (found === null && is_listener && (await store.isOfDeletedProduct(hash))) {
      throw new GoneError('The product of this listener is deleted: end its sessions at the brokers, and stop.');
    }
    if (found === null && is_listener && !(await store.hasListenerToken(hash))) {
      throw new UnknownListenerTokenError(
        'The listener token is not known here. It may be newer than the backup that was restored.',
      );
    }
    if (found === null) throw new UnauthenticatedError('The bearer token is unknown, expired or revoked.');
    return found;
  };
  const identifyAgain: Authenticate = async (request) => (await find(request))?.principal ?? null;
  const identify: Authenticate = async (request) => {
    const found = await find(request);
    await found?.markUsed();
    return found?.principal ?? null;
  };
  return {
    identify,
    identifyAgain,
    authenticate: async (request) => {
      const principal = await identify(request);
      if (principal?.kind === 'user' && principal.via === 'session' && isWrite(request)) {
        requireOwnOrigin(request, public_url);
        requireCsrfToken(request, cookies.tokenOf(request) ?? '');
      }
      return principal;
    },
    sessionUser: async (session_token) => {
      const found = await store.session(hashToken(session_token));
      if (found === null) throw new UnauthenticatedError('The session has ended already.');
      return found.principal;
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
