import type { Request } from 'express';
import { noContent, ok, type Route, route } from '../../http/route';
import { actorOf } from '../audit/audit-trail';
import { ChangePasswordDto, LoginDto, SessionView } from './auth.dto';
import type { AuthService } from './auth.service';
import { requireOwnOrigin } from './same-origin';
import { clearSessionCookies, csrfTokenOf, sessionTokenOf, setSessionCookies } from './session-cookies';

export function authRoutes({ auth, public_url }: { auth: AuthService; public_url: string | undefined }): Route[] {
  const secure = public_url?.startsWith('https:') ?? false;
  return [
    route({
      method: 'post',
      path: '/api/v1/auth/login',
      summary: 'Sign in; sets the session cookie',
      description:
        'Sets `cortex_session` (HttpOnly, SameSite=Strict) and the readable cookie `csrf_token`, whose value goes into the header `x-csrf-token` of every write.',
      tag: 'Sign-in',
      access: { kind: 'public' },
      rate_limit: 'strict',
      body: LoginDto,
      response: SessionView,
      handler: async ({ body, request, response, ip, request_id }) => {
        requireOwnOrigin(request, public_url);
        const { user, session_token } = await auth.login(body, {
          ip,
          request_id,
          user_agent: request.headers['user-agent'] ?? null,
        });
        setSessionCookies(response, session_token, { secure });
        return ok({ user, csrf_token: csrfTokenOf(session_token) }, NO_STORE);
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/logout',
      summary: 'End the session',
      tag: 'Sign-in',
      access: { kind: 'signed-in' },
      status: 204,
      handler: async (context) => {
        const session = sessionOf(context);
        if (session !== null) await auth.logout(session, actorOf(context));
        clearSessionCookies(context.response, { secure });
        return noContent();
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/auth/me',
      summary: 'Who am I',
      tag: 'Sign-in',
      access: { kind: 'signed-in' },
      response: SessionView,
      handler: async (context) => {
        const { id, email, name, role, product_ids } = context.principal;
        const session = sessionOf(context);
        // Sent again, so that a page whose readable cookie was lost can write.
        if (session !== null) setSessionCookies(context.response, session, { secure });
        return ok(
          {
            user: { id, email, name, role, product_ids },
            csrf_token: session === null ? null : csrfTokenOf(session),
          },
          NO_STORE,
        );
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/password',
      summary: 'Change one’s own password; ends all other sessions',
      tag: 'Sign-in',
      access: { kind: 'signed-in' },
      rate_limit: 'strict',
      body: ChangePasswordDto,
      status: 204,
      handler: async (context) => {
        await auth.changePassword(context.principal, context.body, {
          actor: actorOf(context),
          ip: context.ip,
          session_token: sessionOf(context),
        });
        return noContent();
      },
    }),
  ];
}

const NO_STORE = { 'Cache-Control': 'no-store' };

/** The session that made the request; null when a bearer token did. */
function sessionOf({ principal, request }: { principal: { via: string }; request: Request }): string | null {
  return principal.via === 'session' ? sessionTokenOf(request) : null;
}
