export interface RestAnswer<T> {
  status: number;
  headers: Headers;
  body: T;
  text: string;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The public API as a machine with a token uses it; `path` is below /api/v1. */
export interface RestClient {
  /** Whatever the answer. */
  ask<T = Record<string, unknown>>(method: Method, path: string, body?: object): Promise<RestAnswer<T>>;
  /** @throws for an answer that isn't 2xx, with its text. */
  call<T = Record<string, unknown>>(method: Method, path: string, body?: object): Promise<T>;
  token: string;
  /** Every answer so far as text, to look for what must not be there. */
  transcript(): string;
}

const TIMEOUT_MS = 60_000;

/** Signs in as a person would, and makes an API token. */
export async function signIn(
  orchestrator_url: string,
  credentials: { email: string; password: string },
): Promise<RestClient> {
  const login = await fetch(`${orchestrator_url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await login.text();
  if (!login.ok) throw new Error(`POST /auth/login answered ${login.status}: ${text}`);
  const cookie = login.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
  const { csrf_token } = JSON.parse(text) as { csrf_token: string };
  const session = createClient(orchestrator_url, { cookie, 'x-csrf-token': csrf_token }, '');
  const { token } = await session.call<{ token: string }>('POST', '/api-tokens', {
    name: 'end-to-end tests',
    scopes: ['read', 'write', 'tokens'],
  });
  await session.call('POST', '/auth/logout');
  return createClient(orchestrator_url, { authorization: `Bearer ${token}` }, token);
}

function createClient(orchestrator_url: string, headers: Record<string, string>, token: string): RestClient {
  const answers: string[] = [];
  const ask = async <T>(method: Method, path: string, body?: object): Promise<RestAnswer<T>> => {
    const response = await fetch(`${orchestrator_url}/api/v1${path}`, {
      method,
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    answers.push(text);
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (text === '' ? undefined : JSON.parse(text)) as T,
    };
  };
  return {
    token,
    ask,
    async call<T>(method: Method, path: string, body?: object) {
      const answer = await ask<T>(method, path, body);
      if (answer.status < 200 || answer.status > 299) {
        throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
      }
      return answer.body;
    },
    transcript: () => answers.join('\n'),
  };
}
