import { createHmac } from 'node:crypto';
import type { Request, Response } from 'express';

export const SESSION_COOKIE = 'cortex_session';
export const CSRF_COOKIE = 'csrf_token';
export const CSRF_HEADER = 'x-csrf-token';

/**
 * The token that a page must repeat in a header. It is derived from the session's own secret, so that every tab has
 * the same one and nothing needs to be stored; the session cannot be computed from it.
 */
export function csrfTokenOf(session_token: string): string {
  return createHmac('sha256', session_token).update('cortex-mqtt csrf').digest('base64url');
}

/** Session cookies end with the browser; the server ends the session itself. */
export function setSessionCookies(response: Response, session_token: string, options: { secure: boolean }): void {
  const common = { path: '/', sameSite: 'strict', secure: options.secure } as const;
  response.cookie(SESSION_COOKIE, session_token, { ...common, httpOnly: true });
  response.cookie(CSRF_COOKIE, csrfTokenOf(session_token), common);
}

export function clearSessionCookies(response: Response, options: { secure: boolean }): void {
  const common = { path: '/', sameSite: 'strict', secure: options.secure } as const;
  response.clearCookie(SESSION_COOKIE, { ...common, httpOnly: true });
  response.clearCookie(CSRF_COOKIE, common);
}

/** The session token of a request; null without one. */
export function sessionTokenOf(request: Request): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const separator = pair.indexOf('=');
    if (separator > 0 && pair.slice(0, separator).trim() === SESSION_COOKIE) {
      const value = pair.slice(separator + 1).trim();
      return /^[A-Za-z0-9_-]{20,200}$/.test(value) ? value : null;
    }
  }
  return null;
}
