/** A refusal of the orchestrator, with its reason. */
export class RestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RestClient {
  /** `path` below /api/v1. @throws RestError for an answer that isn't 2xx. */
  call<T>(method: Method, path: string, body?: object): Promise<T>;
}

const TIMEOUT_MS = 20_000;

export function createRestClient(orchestratorUrl: string, headers: Record<string, string>): RestClient {
  return {
    call: async <T>(method: Method, path: string, body?: object) => {
      const response = await fetch(`${orchestratorUrl}/api/v1${path}`, {
        method,
        headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
        body: body ? JSON.stringify(body) : undefined,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (!response.ok) {
        throw new RestError(response.status, `${method} ${path} answered ${response.status}: ${text}`);
      }
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
  };
}
