import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** A provider that answers whatever a test makes it answer. */
export interface HostileProvider {
  issuer: string;
  /** Makes the ID token of the next sign-ins; `usual` are the claims that an honest provider would sign. */
  idToken: (usual: JWTPayload & { nonce: string }) => Promise<string>;
  userInfo: Record<string, unknown>;
  /** Answered in place of everything, where set. */
  status: number | null;
  sign(claims: JWTPayload, header?: Record<string, string>): Promise<string>;
  /** By a key that is not the provider’s. */
  forge(claims: JWTPayload): Promise<string>;
  stop(): void;
}

export async function startHostileProvider(client_id: string): Promise<HostileProvider> {
  const own = await generateKeyPair('RS256', { extractable: true });
  const foreign = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'own', alg: 'RS256', use: 'sig' };
  const sign = (claims: JWTPayload, header: Record<string, string> = {}) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'own', ...header }).sign(own.privateKey);
  const nonces = new Map<string, string>();
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', issuer);
    const json = (body: unknown) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
    if (provider.status !== null) {
      response.statusCode = provider.status;
      json({ error: 'server_error' });
      return;
    }
    if (pathname === '/auth') {
      const code = `code-${nonces.size}`;
      nonces.set(code, searchParams.get('nonce') ?? '');
      const back = new URL(searchParams.get('redirect_uri') ?? '');
      back.searchParams.set('code', code);
      back.searchParams.set('state', searchParams.get('state') ?? '');
      response.writeHead(302, { Location: back.href }).end();
      return;
    }
    if (pathname === '/token') {
      let body = '';
      for await (const part of request) body += part;
      const nonce = nonces.get(new URLSearchParams(body).get('code') ?? '') ?? '';
      const now_s = Math.floor(Date.now() / 1_000);
      const usual = { iss: issuer, aud: client_id, sub: 'mallory', iat: now_s, exp: now_s + 300, nonce };
      json({ access_token: 'access', token_type: 'bearer', id_token: await provider.idToken(usual) });
      return;
    }
    if (pathname === '/me') json(provider.userInfo);
    else if (pathname === '/jwks') json({ keys: [jwk] });
    else
      json({
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/me`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      });
  }

  const provider: HostileProvider = {
    issuer,
    idToken: (usual) => sign(usual),
    userInfo: {},
    status: null,
    sign,
    forge: (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'own' }).sign(foreign.privateKey),
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return provider;
}
