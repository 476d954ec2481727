import { ApiError } from './problem';
import type { ApiPath, Problem } from './types';

const BASE = '/api/v1';

export interface RequestOptions {
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  /** Revision the change was made upon; the server answers 412 when another one is in effect. */
  ifMatch?: string | null;
  signal?: AbortSignal;
}

export interface Answer<T> {
  data: T;
  etag: string | null;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

let onSignedOut: () => void = () => {};

/** Called whenever the server says that nobody is signed in. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

/** One call of the REST API. Throws ApiError for every answer that is not 2xx, and when there is none (status 0). */
export async function request<T>(method: Method, path: ApiPath, options: RequestOptions = {}): Promise<Answer<T>> {
  const response = await send(method, path, options, 'application/json');
  const text = await response.text();
  return {
    data: (text ? JSON.parse(text) : undefined) as T,
    etag: response.headers.get('etag'),
  };
}

export const get = async <T>(path: ApiPath, options?: RequestOptions): Promise<T> =>
  (await request<T>('GET', path, options)).data;
export const post = async <T>(path: ApiPath, body?: unknown, options?: RequestOptions): Promise<T> =>
  (await request<T>('POST', path, { ...options, body })).data;
export const patch = async <T>(path: ApiPath, body: unknown, options?: RequestOptions): Promise<T> =>
  (await request<T>('PATCH', path, { ...options, body })).data;
export const remove = async <T>(path: ApiPath, options?: RequestOptions): Promise<T> =>
  (await request<T>('DELETE', path, options)).data;

/** Sends a request and hands back the response, its body unread. */
export async function send(method: Method, path: ApiPath, options: RequestOptions, accept: string): Promise<Response> {
  const headers: Record<string, string> = { accept };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.ifMatch) headers['if-match'] = options.ifMatch;
  if (method !== 'GET') {
    const token = csrfToken();
    if (token) headers['x-csrf-token'] = token;
  }
  let response: Response;
  try {
    response = await fetch(BASE + path + queryString(options.query), {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      credentials: 'same-origin',
      signal: options.signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError({ type: 'about:blank', title: 'offline', status: 0, detail: '' });
  }
  if (!response.ok) {
    if (response.status === 401 && !path.startsWith('/auth/login')) onSignedOut();
    throw new ApiError(await readProblem(response));
  }
  return response;
}

export function apiUrl(path: ApiPath, query?: RequestOptions['query']): string {
  return BASE + path + queryString(query);
}

async function readProblem(response: Response): Promise<Problem> {
  const fallback = { type: 'about:blank', title: response.statusText, status: response.status, detail: '' };
  if (!response.headers.get('content-type')?.includes('json')) return fallback;
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) };
  } catch (error) {
    if (error instanceof SyntaxError) return fallback;
    throw error;
  }
}

function queryString(query: RequestOptions['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text ? `?${text}` : '';
}

/** Whether the browser holds a session at all, without asking the server: its CSRF cookie comes and goes with it. */
export const hasSession = (): boolean => csrfToken() !== null;

/** The token the server set beside the session; it proves that the request comes from this page. */
function csrfToken(): string | null {
  const found = document.cookie.split('; ').find((cookie) => cookie.startsWith('csrf_token='));
  return found ? decodeURIComponent(found.slice('csrf_token='.length)) : null;
}
