import type { Request, Response } from 'express';
import { PageQuery } from '../../http/pagination';
import { noContent, ok, type Reply, type Route, route } from '../../http/route';
import { IdParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { ChangePasswordDto, LoginDto, OpenSessionView, SessionView } from './auth.dto';
import type { AuthService } from './auth.service';
import type { Authenticator } from './authenticator';
import { AcceptInvitationDto, InvitationView, ReadInvitationDto } from './invitation.dto';
import type { InvitationService } from './invitation.service';
import { requireOwnOrigin } from './same-origin';
import type { Origin, SessionService } from './session.service';
import { csrfTokenOf, type SessionCookies } from './session-cookies';
import { presentSignedIn } from './signed-in.presenter';

const tag = 'Sign-in';
const NO_STORE = { 'Cache-Control': 'no-store' };

export interface AuthRoutesDeps {
  auth: AuthService;
  sessions: SessionService;
  invitations: InvitationService;
  sessionUser: Authenticator['sessionUser'];
  cookies: SessionCookies;
  public_url: string | undefined;
}

export function authRoutes(deps: AuthRoutesDeps): Route[] {
  const { auth, sessions, invitations, sessionUser, cookies, public_url } = deps;
  const signedIn = async (response: Response, session_token: string): Promise<Reply<SessionView>> => {
    cookies.set(response, session_token);
    const user = presentSignedIn(await sessionUser(session_token));
    return ok({ user, csrf_token: csrfTokenOf(session_token) }, NO_STORE);
  };
  /** The session that made the request; null when a bearer token did. */
  const sessionOf = ({ principal, request }: { principal: { via: string }; request: Request }): string | null =>
    principal.via === 'session' ? cookies.tokenOf(request) : null;
  return [
    route({
      method: 'post',
      path: '/api/v1/auth/login',
      operation_id: 'login',
      problems: [401, 403],
      summary: 'Sign in; sets the session cookie',
      description:
        'Sets `cortex_session` (HttpOnly, SameSite=Strict; `__Host-cortex_session` over TLS) and the readable cookie ' +
        '`csrf_token`, whose value goes into the header `x-csrf-token` of every write.',
      tag,
      access: { kind: 'public' },
      rate_limit: 'strict',
      body: LoginDto,
      response: SessionView,
      handler: async (context) => {
        requireOwnOrigin(context.request, public_url);
        return signedIn(context.response, await auth.login(context.body, originOf(context)));
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/logout',
      operation_id: 'logout',
      summary: 'End the session',
      tag,
      access: { kind: 'signed-in' },
      status: 204,
      handler: async (context) => {
        const session = sessionOf(context);
        if (session !== null) await sessions.logout(session, actorOf(context));
        cookies.clear(context.response);
        return noContent();
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/auth/me',
      operation_id: 'getCurrentUser',
      summary: 'Who am I',
      tag,
      access: { kind: 'signed-in' },
      response: SessionView,
      handler: async (context) => {
        const session = sessionOf(context);
        // Sent again, so that a page whose readable cookie was lost can write.
        if (session !== null) cookies.set(context.response, session);
        const csrf_token = session === null ? null : csrfTokenOf(session);
        return ok({ user: presentSignedIn(context.principal), csrf_token }, NO_STORE);
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/password',
      operation_id: 'changePassword',
      summary: 'Change one’s own password; ends all other sessions, and API tokens unless asked not to',
      tag,
      access: { kind: 'signed-in', scope: 'tokens' },
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
    route({
      method: 'get',
      path: '/api/v1/auth/sessions',
      operation_id: 'listSessions',
      summary: 'Where one is signed in',
      tag,
      access: { kind: 'signed-in' },
      query: PageQuery,
      response: { page: OpenSessionView },
      handler: async ({ principal, query }) => ok(await sessions.list(principal, query), NO_STORE),
    }),
    route({
      method: 'delete',
      path: '/api/v1/auth/sessions/{id}',
      operation_id: 'endSession',
      summary: 'Sign out elsewhere',
      tag,
      access: { kind: 'signed-in', scope: 'tokens' },
      params: IdParams,
      status: 204,
      handler: async (context) => {
        await sessions.end(context.principal, context.params.id, actorOf(context));
        return noContent();
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/invitations/read',
      operation_id: 'readInvitation',
      problems: [404],
      summary: 'For whom an invitation is',
      tag,
      access: { kind: 'public' },
      rate_limit: 'strict',
      body: ReadInvitationDto,
      response: InvitationView,
      handler: async ({ body }) => ok(await invitations.read(body.token), NO_STORE),
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/invitations/accept',
      operation_id: 'acceptInvitation',
      problems: [403, 404],
      summary: 'Choose a password with an invitation, and sign in',
      tag,
      access: { kind: 'public' },
      rate_limit: 'strict',
      body: AcceptInvitationDto,
      response: SessionView,
      handler: async (context) => {
        requireOwnOrigin(context.request, public_url);
        return signedIn(context.response, await invitations.accept(context.body, originOf(context)));
      },
    }),
  ];
}

function originOf({ request, ip, request_id }: { request: Request; ip: string; request_id: string }): Origin {
  return { ip, request_id, user_agent: request.headers['user-agent'] ?? null };
}
