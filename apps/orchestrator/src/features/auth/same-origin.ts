import { timingSafeEqualText } from '@cortex-mqtt/secrets';
import type { Request } from 'express';
import { ForbiddenError } from '../../http/app-error';
import { CSRF_HEADER, csrfTokenOf } from './session-cookies';

/** A browser names the page that sends a write (Fetch, 3.2); that page must be our own. */
export function requireOwnOrigin(request: Request, public_url: string | undefined): void {
  const { origin } = request.headers;
  if (origin === undefined) {
    if (request.headers['sec-fetch-site'] === 'cross-site') throw foreignPage();
    return;
  }
  const own = [`http://${request.headers.host}`, `https://${request.headers.host}`];
  if (public_url !== undefined) own.push(new URL(public_url).origin);
  if (!own.includes(origin)) throw foreignPage();
}

/**
 * For pages that can't send the token: the browser must say that one of our own pages sends the write. Browsers have sent
 * `Origin` with every POST, PUT, PATCH and DELETE for years; without it there is no proof.
 */
export function requireOwnPage(request: Request, public_url: string | undefined): void {
  if (request.headers.origin === undefined) throw new ForbiddenError('A write with a cookie needs the header Origin.');
  requireOwnOrigin(request, public_url);
}

/** The double-submit token of OWASP's CSRF cheat sheet, bound to the session. */
export function requireCsrfToken(request: Request, session_token: string): void {
  const given = request.headers[CSRF_HEADER];
  if (typeof given !== 'string' || !timingSafeEqualText(given, csrfTokenOf(session_token))) {
    throw new ForbiddenError(
      `A write with a session cookie needs the header ${CSRF_HEADER}; its value is in the cookie csrf_token.`,
    );
  }
}

export function isWrite(request: Request): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(request.method);
}

const foreignPage = () => new ForbiddenError('The request comes from a page of another origin.');
