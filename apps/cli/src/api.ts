import { CommandFault } from './command';
import { readCredentials } from './credentials';

export interface FieldFault {
  field: string;
  message: string;
}

/** An answer of the server that is no success. */
export class ApiFault extends Error {
  override readonly name = 'ApiFault';

  constructor(
    message: string,
    readonly status: number,
    readonly errors: FieldFault[],
  ) {
    super(message);
  }
}

export interface Api {
  url: string;
  get<T>(path: string, options?: { signal?: AbortSignal }): Promise<T>;
  send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>;
}

/** Server and token from `CORTEX_URL` and `CORTEX_TOKEN`, else as `cortex login` has stored them. */
export function connect(env: NodeJS.ProcessEnv): Api {
  const stored = env.CORTEX_URL === undefined || env.CORTEX_TOKEN === undefined ? readCredentials(env) : null;
  const url = env.CORTEX_URL ?? stored?.url;
  const token =
    env.CORTEX_TOKEN ?? (env.CORTEX_URL === undefined || env.CORTEX_URL === stored?.url ? stored?.token : undefined);
  if (url === undefined) throw new CommandFault('no server: set CORTEX_URL, or run cortex login');
  if (token === undefined) throw new CommandFault('no token: set CORTEX_TOKEN, or run cortex login');
  return createApi({ url, authorization: `Bearer ${token}` });
}

export function createApi({ url, authorization }: { url: string; authorization?: string }): Api {
  const base = normalUrl(url);
  const request = async (method: string, path: string, body: unknown, signal?: AbortSignal) => {
    let response: Response;
    try {
      response = await fetch(`${base}/api/v1${path}`, {
        method,
        headers: {
          Accept: 'application/json',
          'User-Agent': 'cortex-cli',
          ...(authorization === undefined ? {} : { Authorization: authorization }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
        redirect: 'error',
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new CommandFault(`${base} cannot be reached: ${reasonOf(error)}`);
    }
    if (response.status === 204) return undefined;
    const text = await response.text();
    const answer = parsed(text);
    if (response.ok && answer !== undefined) return answer;
    const { title, detail, errors } = (answer ?? {}) as { title?: string; detail?: string; errors?: FieldFault[] };
    const message = detail ?? title ?? `${base} answered ${response.status}, which is not what cortex-mqtt answers`;
    throw new ApiFault(message, response.status, errors ?? []);
  };
  return {
    url: base,
    get: (path, options) => request('GET', path, undefined, options?.signal) as Promise<never>,
    send: (method, path, body) => request(method, path, body) as Promise<never>,
  };
}

function normalUrl(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new CommandFault(`${url} is no http or https URL`);
  return url.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return cause?.message || cause?.code || (error instanceof Error ? error.message : String(error));
}

/** Every item of a list in pages. */
export async function allPages<T>(api: Api, path: string): Promise<T[]> {
  const items: T[] = [];
  for (let page = 1; ; page += 1) {
    const answer = await api.get<{ items: T[]; total: number }>(
      `${path}${path.includes('?') ? '&' : '?'}page=${page}&page_size=100`,
    );
    items.push(...answer.items);
    if (items.length >= answer.total || answer.items.length === 0) return items;
  }
}

export interface Product {
  id: number;
  slug: string;
  name: string;
  enabled: boolean;
}

export async function productBySlug(api: Api, slug: string): Promise<Product> {
  const products = await allPages<Product>(api, `/products?search=${encodeURIComponent(slug)}`);
  const found = products.find((product) => product.slug === slug);
  if (found === undefined) throw new CommandFault(`there is no product "${slug}"`);
  return found;
}
