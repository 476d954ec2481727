import { createHmac } from 'node:crypto';
import type { Request, Response } from 'express';

const SESSION_COOKIE = 'cortex_session';
const CSRF_COOKIE = 'csrf_token';
export const CSRF_HEADER = 'x-csrf-token';

/**
 * The token that a page must repeat in a header. It is derived from the session's own secret, so that every tab has
 * the same one and nothing needs to be stored; the session cannot be computed from it.
 */
export function csrfTokenOf(session_token: string): string {
  return createHmac('sha256', session_token).update('cortex-mqtt csrf').digest('base64url');
}

/** The cookies of a sign-in. */
export interface SessionCookies {
  /** The session token of a request; null without one. */
  tokenOf(request: Request): string | null;
  set(response: Response, session_token: string): void;
  clear(response: Response): void;
}

/**
 * They end with the browser; the server ends the session itself. Over TLS the session's name has the prefix `__Host-`
 * (RFC 6265bis, 4.1.3.2), so that no other host of the domain can plant one.
 */
export function createSessionCookies(public_url: string | undefined): SessionCookies {
  const secure = public_url?.startsWith('https:') ?? false;
  const name = secure ? `__Host-${SESSION_COOKIE}` : SESSION_COOKIE;
  const common = { path: '/', sameSite: 'strict', secure } as const;
  return {
    tokenOf: (request) => cookieOf(request, name, /^[A-Za-z0-9_-]{20,200}$/),
    set(response, session_token) {
      response.cookie(name, session_token, { ...common, httpOnly: true });
      response.cookie(CSRF_COOKIE, csrfTokenOf(session_token), common);
    },
    clear(response) {
      response.clearCookie(name, { ...common, httpOnly: true });
      response.clearCookie(CSRF_COOKIE, common);
    },
  };
}

/** The first cookie of a name, where it has the form that is expected. */
export function cookieOf(request: Request, name: string, form: RegExp): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const separator = pair.indexOf('=');
    if (separator > 0 && pair.slice(0, separator).trim() === name) {
      const value = pair.slice(separator + 1).trim();
      return form.test(value) ? value : null;
    }
  }
  return null;
}
