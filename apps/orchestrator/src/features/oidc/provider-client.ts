import type { Configuration, IDToken } from 'openid-client';
import type { JWTVerifyGetKey } from 'jose';
import type { OidcProvider } from './provider-settings';
import type { Checks } from './sign-in-attempts';
import { SignInRefusal } from './sign-in-refusal';

const TIMEOUT_S = 10;
/** Where a provider moves its endpoints, it has an hour of overlap. */
const DISCOVERED_FOR_MS = 3_600_000;
/** A provider that is away is asked again only so often, however many sign in. */
const RETRY_AFTER_MS = 2_000;
/** No `none`, and nothing that the client secret could sign: a logout token is proof of the provider’s key. */
const LOGOUT_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Claims of ID token and user info of one person. */
export type Claims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string };

/** Whom a provider signs out: its session, or all of a person’s. */
export interface SignedOut {
  issuer: string;
  subject: string | null;
  provider_session: string | null;
  issued_at: Date;
}

interface Discovered {
  configuration: Configuration;
  /** The provider’s keys, fetched again when a token names one that is not known yet. */
  keys: JWTVerifyGetKey;
}

// Loaded at the first sign-in, since most installations have no provider.
const openidClient = () => require('openid-client') as typeof import('openid-client');
const jose = () => require('jose') as typeof import('jose');

/** What one provider is asked: OpenID Connect Core 1.0 with the code flow, PKCE, state and nonce; back-channel logout 1.0. */
export class ProviderClient {
  private discovered: { at_ms: number; result: Promise<Discovered> } | null = null;

  constructor(
    readonly provider: OidcProvider,
    private readonly redirect_uri: string,
  ) {}

  /** Where the browser goes to sign in. @throws SignInRefusal where the provider is away. */
  async authorizationUrl({ state, nonce, code_verifier }: Checks): Promise<URL> {
    const { configuration } = await this.discover();
    const { buildAuthorizationUrl, calculatePKCECodeChallenge } = openidClient();
    return buildAuthorizationUrl(configuration, {
      redirect_uri: this.redirect_uri,
      scope: this.provider.scopes.join(' '),
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(code_verifier),
      code_challenge_method: 'S256',
    });
  }

  /** Who came back with this query. @throws SignInRefusal unless the provider proves it. */
  async identify(query: URLSearchParams, checks: Checks): Promise<Claims> {
    const { configuration } = await this.discover();
    const { authorizationCodeGrant, fetchUserInfo } = openidClient();
    const url = new URL(this.redirect_uri);
    url.search = query.toString();
    try {
      const tokens = await authorizationCodeGrant(configuration, url, {
        expectedState: checks.state,
        expectedNonce: checks.nonce,
        pkceCodeVerifier: checks.code_verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims() as IDToken;
      if (!this.needsUserInfo(claims, configuration)) return claims;
      const more = await fetchUserInfo(configuration, tokens.access_token, claims.sub);
      return { ...more, ...claims };
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** Whom a logout token signs out (Back-Channel Logout 1.0, 2.6). @throws where it proves nothing. */
  async signedOut(logout_token: string): Promise<SignedOut> {
    const { keys } = await this.discover();
    const { payload } = await jose().jwtVerify(logout_token, keys, {
      issuer: this.issuers(),
      audience: this.provider.client_id,
      algorithms: LOGOUT_ALGORITHMS,
      requiredClaims: ['iat', 'events'],
      maxTokenAge: 600,
      clockTolerance: 60,
    });
    const {
      events,
      sub = null,
      sid = null,
      iat = 0,
    } = payload as Record<string, unknown> & { sub?: string; iat?: number };
    const is_logout = typeof events === 'object' && events !== null && Object.hasOwn(events, LOGOUT_EVENT);
    if (!is_logout || payload.nonce !== undefined) throw new Error('it is no logout token');
    const names_nobody = typeof sub !== 'string' && typeof sid !== 'string';
    if (names_nobody) throw new Error('it names neither a person nor a session');
    return {
      issuer: String(payload.iss),
      subject: typeof sub === 'string' ? sub : null,
      provider_session: typeof sid === 'string' ? sid : null,
      issued_at: new Date(iat * 1_000),
    };
  }

  /** With or without the slash that a URL of an origin has. */
  private issuers(): string[] {
    const { href } = this.provider.issuer;
    return [href, href.replace(/\/$/, '')];
  }

  /** Groups and address are in the ID token with some providers, and behind the access token with others. */
  private needsUserInfo(claims: IDToken, configuration: Configuration): boolean {
    const { groups_claim } = this.provider;
    const is_complete = claims.email !== undefined && Object.hasOwn(claims, groups_claim.split('.')[0] ?? groups_claim);
    return !is_complete && configuration.serverMetadata().userinfo_endpoint !== undefined;
  }

  private async discover(): Promise<Discovered> {
    const is_old = this.discovered !== null && Date.now() - this.discovered.at_ms > DISCOVERED_FOR_MS;
    if (this.discovered === null || is_old) this.discovered = { at_ms: Date.now(), result: this.fetchMetadata() };
    const current = this.discovered;
    try {
      return await current.result;
    } catch (error) {
      if (this.discovered === current && Date.now() - current.at_ms > RETRY_AFTER_MS) this.discovered = null;
      throw new SignInRefusal('unavailable', messageOf(error));
    }
  }

  private async fetchMetadata(): Promise<Discovered> {
    const { provider } = this;
    const oidc = openidClient();
    const insecure = provider.issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : [];
    const configuration = await oidc.discovery(
      provider.issuer,
      provider.client_id,
      {},
      provider.client_secret === null ? oidc.None() : clientAuthentication(provider.client_secret),
      {
        // Without them the token endpoint’s TLS would stand for the signature of an ID token.
        execute: [...insecure, oidc.enableNonRepudiationChecks],
        timeout: TIMEOUT_S,
      },
    );
    const { jwks_uri } = configuration.serverMetadata();
    if (jwks_uri === undefined) throw new Error('the provider names no keys (jwks_uri)');
    const keys = jose().createRemoteJWKSet(new URL(jwks_uri), { timeoutDuration: TIMEOUT_S * 1_000 });
    return { configuration, keys };
  }
}

/** As the provider takes it: in the header unless it takes the body only (RFC 6749, 2.3.1; RFC 8414: basic is the default). */
function clientAuthentication(client_secret: string): import('openid-client').ClientAuth {
  const oidc = openidClient();
  const [basic, post] = [oidc.ClientSecretBasic(client_secret), oidc.ClientSecretPost(client_secret)];
  return (as, client, body, headers) => {
    const methods = as.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (methods.includes('client_secret_basic') ? basic : post)(as, client, body, headers);
  };
}

/** openid-client’s errors by whose fault they are; what they carry besides may hold tokens. */
function refusalOf(error: unknown): SignInRefusal {
  const { code, name } = error as { code?: string; name?: string };
  if (name === 'AuthorizationResponseError') return new SignInRefusal('refused', messageOf(error));
  const is_away = name === 'TimeoutError' || code === 'OAUTH_TIMEOUT' || (error as Error).message === 'fetch failed';
  const { status = 200 } = (error as { cause?: { status?: number } }).cause ?? {};
  return new SignInRefusal(is_away || status >= 500 ? 'unavailable' : 'invalid', messageOf(error));
}

function messageOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return [code, message ?? String(error)].filter((part) => part !== undefined).join(': ');
}
