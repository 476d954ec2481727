import type { DataFolder } from './data-folder';
import { createRestClient, RestError } from './rest-client';

export interface ApiTokenDeps {
  orchestratorUrl: string;
  data: DataFolder;
  env: NodeJS.ProcessEnv;
}

/**
 * The administrator's API token of this installation: the stored one while it is good, else a new one made with the
 * generated password. null when neither works any more, because the person changed the password: not a fault.
 */
export async function ensureApiToken({ orchestratorUrl, data, env }: ApiTokenDeps): Promise<string | null> {
  const { api_token: stored, admin_email, admin_password } = data.secrets();
  if (stored && (await isAccepted(orchestratorUrl, stored))) {
    return stored;
  }
  const login = await fetch(`${orchestratorUrl}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: env.ADMIN_EMAIL ?? admin_email, password: env.ADMIN_PASSWORD ?? admin_password }),
  });
  if (login.status === 401) {
    return null;
  }
  const text = await login.text();
  if (!login.ok) {
    throw new RestError(login.status, `POST /auth/login answered ${login.status}: ${text}`);
  }
  const cookie = login.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
  const { csrf_token } = JSON.parse(text) as { csrf_token: string };
  const session = createRestClient(orchestratorUrl, { cookie, 'x-csrf-token': csrf_token });
  const { token } = await session.call<{ token: string }>('POST', '/api-tokens', { name: 'scripts/up' });
  data.saveSecrets({ api_token: token });
  await session.call('POST', '/auth/logout');
  return token;
}

async function isAccepted(orchestratorUrl: string, token: string): Promise<boolean> {
  try {
    await createRestClient(orchestratorUrl, { authorization: `Bearer ${token}` }).call('GET', '/auth/me');
    return true;
  } catch (error) {
    if (error instanceof RestError && error.status === 401) {
      return false;
    }
    throw error;
  }
}
