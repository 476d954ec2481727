import type { Request, Response } from 'express';
import { ok, redirect, type Reply, type Route, route } from '../../http/route';
import type { Origin } from '../auth/session.service';
import { cookieOf, type SessionCookies } from '../auth/session-cookies';
import { BeginSignInQuery, LogoutTokenDto, ProviderParams, SignInOptionsView } from './oidc.dto';
import type { OidcProvider } from './provider-settings';
import { SignInRefusal } from './sign-in-refusal';
import type { SingleSignOnService } from './single-sign-on.service';

const tag = 'Sign-in';
const NO_STORE = { 'Cache-Control': 'no-store' };
const BROWSER_COOKIE = 'cortex_sign_in';

export interface OidcRoutesDeps {
  singleSignOn: SingleSignOnService;
  providers: readonly OidcProvider[];
  /** Passwords are for the account for emergencies alone. */
  sso_only: boolean;
  cookies: SessionCookies;
  public_url: string | undefined;
}

export function oidcRoutes({ singleSignOn, providers, sso_only, cookies, public_url }: OidcRoutesDeps): Route[] {
  const secure = public_url?.startsWith('https:') ?? false;
  const cookie_name = secure ? `__Host-${BROWSER_COOKIE}` : BROWSER_COOKIE;
  const browserOf = (request: Request) => cookieOf(request, cookie_name, /^[\w-]{20,200}$/);
  /** Lax: the answer comes with a navigation from the provider’s page, which a strict cookie would miss. */
  const keepBrowser = (response: Response, browser: string) =>
    response.cookie(cookie_name, browser, { path: '/', httpOnly: true, sameSite: 'lax', secure });

  /** Browsers read no problem details: a refusal is a page of the console. */
  const orRefusal = async (
    { params, request, ip, request_id }: Context,
    work: () => Promise<string>,
  ): Promise<Reply<never>> => {
    try {
      return redirect(await work(), NO_STORE);
    } catch (error) {
      if (!(error instanceof SignInRefusal)) throw error;
      await singleSignOn.recordRefusal(params.provider, error, originOf({ request, ip, request_id }));
      return redirect(`/sign-in?refused=${error.reason}`, NO_STORE);
    }
  };

  return [
    route({
      method: 'get',
      path: '/api/v1/auth/options',
      summary: 'How one can sign in here',
      tag,
      access: { kind: 'public' },
      response: SignInOptionsView,
      handler: async () =>
        ok<SignInOptionsView>(
          {
            password: !sso_only,
            providers: providers.map(({ id, name }) => ({ id, name, url: `/api/v1/auth/oidc/${id}/start` })),
          },
          NO_STORE,
        ),
    }),
    route({
      method: 'get',
      path: '/api/v1/auth/oidc/{provider}/start',
      summary: 'Sign in with an OpenID Connect provider; for browsers',
      description: 'Redirects to the provider, or to the sign-in page with `?refused=` and why.',
      tag,
      access: { kind: 'public' },
      rate_limit: 'strict',
      params: ProviderParams,
      query: BeginSignInQuery,
      status: 303,
      handler: (context) =>
        orRefusal(context, async () => {
          const { url, browser } = await singleSignOn.begin(context.params.provider, {
            browser: browserOf(context.request),
            return_to: context.query.return_to,
          });
          keepBrowser(context.response, browser);
          return url.href;
        }),
    }),
    route({
      method: 'get',
      path: '/api/v1/auth/oidc/{provider}/callback',
      summary: 'Where the provider sends the browser back to; sets the session cookie',
      description: 'Redirects to the page that `start` named, or to the sign-in page with `?refused=` and why.',
      tag,
      access: { kind: 'public' },
      rate_limit: 'strict',
      params: ProviderParams,
      status: 303,
      handler: (context) =>
        orRefusal(context, async () => {
          // As it came: providers add parameters of their own.
          const query = new URLSearchParams(context.request.originalUrl.split('?')[1] ?? '');
          const { session_token, return_to } = await singleSignOn.finish(
            context.params.provider,
            { query, browser: browserOf(context.request) },
            originOf(context),
          );
          cookies.set(context.response, session_token);
          return return_to;
        }),
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/oidc/{provider}/backchannel-logout',
      summary: 'The provider signs somebody out (OpenID Connect Back-Channel Logout 1.0)',
      tag,
      access: { kind: 'public' },
      params: ProviderParams,
      body: LogoutTokenDto,
      body_type: 'form',
      // Other fields are ignored (2.5).
      prepare_body: (body) => ({ logout_token: (body as Partial<LogoutTokenDto> | undefined)?.logout_token }),
      handler: async (context) => {
        const { params, body } = context;
        await singleSignOn.backChannelLogout(params.provider, body.logout_token, originOf(context));
        return ok({}, NO_STORE);
      },
    }),
  ];
}

interface Context {
  params: ProviderParams;
  request: Request;
  ip: string;
  request_id: string;
}

function originOf({ request, ip, request_id }: Omit<Context, 'params'>): Origin {
  return { ip, request_id, user_agent: request.headers['user-agent'] ?? null };
}
