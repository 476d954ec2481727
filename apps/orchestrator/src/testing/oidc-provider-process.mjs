/**
 * A real OpenID Connect provider as a process of its own: what `oidc-provider` does, with people who sign in by a cookie
 * `account` instead of a form. Commands come from the parent: `{accounts}` sets the people, `{rotate}` makes another signing key.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const [redirect_uri, backchannel_logout_uri] = process.argv.slice(2);
let accounts = {};
const keys = [];

async function addKey() {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  keys.unshift({ ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: randomBytes(6).toString('hex') });
}

function build(issuer) {
  const provider = new Provider(issuer, {
    jwks: { keys: keys.slice(0, 1) },
    clients: [
      {
        client_id: 'cortex',
        client_secret: 'a secret of the client',
        redirect_uris: [redirect_uri],
        backchannel_logout_uri,
        backchannel_logout_session_required: true,
        post_logout_redirect_uris: [],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    scopes: ['openid', 'email', 'profile', 'groups'],
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
    pkce: { required: () => true },
    // Without its guard against loopback, which is where the test is.
    fetch: (url, { dispatcher: _guard, ...options }) => fetch(url, options),
    cookies: { keys: ['a key of the test'] },
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, IdToken: 600 },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, id) =>
      accounts[id] && { accountId: id, claims: async () => ({ sub: id, ...accounts[id] }) },
  });
  provider.on('backchannel.error', (_context, error) => process.stderr.write(`${error.stack}\n`));
  provider.on('server_error', (_context, error) => process.stderr.write(`${error.stack}\n`));
  return provider;
}

let provider;
let handle;

const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return handle(request, response);
  interact(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(error.stack);
  });
});

async function interact(request, response) {
  const account = /(?:^|; )account=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  const { prompt, params, grantId, session } = await provider.interactionDetails(request, response);
  if (account === undefined) {
    return provider.interactionFinished(request, response, { error: 'access_denied' });
  }
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: account } });
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

await addKey();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = build(issuer);
  handle = provider.callback();
  process.send({ issuer });
});

process.on('message', async (message) => {
  if (message.accounts) accounts = message.accounts;
  if (message.rotate) {
    await addKey();
    provider = build(`http://127.0.0.1:${server.address().port}`);
    handle = provider.callback();
  }
  process.send({ done: true });
});
process.on('disconnect', () => process.exit(0));
