import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { ValidationError } from './app-error';
import type { Reply, Route } from './route';

/** A request whose key says that it is to be carried out once (draft-ietf-httpapi-idempotency-key-header). */
export interface KeyedRequest {
  user_id: number;
  key: string;
  /** Of method, path, query and body: the same key with another one is another request. */
  fingerprint: string;
}

/** Carries a keyed request out once, and answers later ones with the same key with the stored reply. */
export interface IdempotentRequests {
  once(request: KeyedRequest, carryOut: () => Promise<Reply<unknown>>): Promise<Reply<unknown>>;
}

/** Calls that make something: repeated, they would make it twice. */
export function isIdempotent({ method, status, access }: Pick<Route, 'method' | 'status' | 'access'>): boolean {
  const is_persons = access.kind === 'role' || access.kind === 'signed-in';
  return method === 'post' && is_persons && (status === 201 || status === 202);
}

/** The key of a request, without the quotes of a structured field; undefined when there is none. */
export function idempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new ValidationError([
      { field: 'Idempotency-Key', message: 'must be 1–255 visible ASCII characters, such as a UUID' },
    ]);
  }
  return key;
}

export function fingerprintOf(request: Request): string {
  const content = JSON.stringify([request.method, request.originalUrl, request.body ?? null]);
  return createHash('sha256').update(content).digest('base64url');
}
