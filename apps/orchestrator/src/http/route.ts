import type { ClassConstructor } from 'class-transformer';
import type { Request, Response } from 'express';
import type { Access, ListenerPrincipal, Principal, UserPrincipal } from './principal';
import type { LimitName } from './user-limits';

export type HttpMethod = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a handler is given: everything validated, the caller known. */
export interface RouteContext<P, Q, B, Who> {
  params: P;
  query: Q;
  body: B;
  /** Of a route with a `binary_body`; else empty. */
  bytes: Buffer;
  principal: Who;
  request_id: string;
  /** Address of the caller, for the audit log. */
  ip: string;
  request: Request;
  response: Response;
}

/** What a handler answers; `stream` replies write the response themselves. */
export type Reply<R> =
  | { kind: 'json'; status: number; body: R; headers?: Record<string, string> }
  | { kind: 'empty'; status: 204 | 304; headers?: Record<string, string> }
  | { kind: 'redirect'; location: string; headers?: Record<string, string> }
  | { kind: 'handled' };

export const ok = <R>(body: R, headers?: Record<string, string>): Reply<R> => ({
  kind: 'json',
  status: 200,
  body,
  headers,
});
export const created = <R>(body: R, headers?: Record<string, string>): Reply<R> => ({
  kind: 'json',
  status: 201,
  body,
  headers,
});
export const accepted = <R>(body: R, headers?: Record<string, string>): Reply<R> => ({
  kind: 'json',
  status: 202,
  body,
  headers,
});
export const noContent = (headers?: Record<string, string>): Reply<never> => ({ kind: 'empty', status: 204, headers });
export const notModified = (headers?: Record<string, string>): Reply<never> => ({
  kind: 'empty',
  status: 304,
  headers,
});
/** To another page, by GET (RFC 9110, 15.4.4). */
export const redirect = (location: string, headers?: Record<string, string>): Reply<never> => ({
  kind: 'redirect',
  location,
  headers,
});
/** The handler has written the response itself (server-sent events). */
export const handled = (): Reply<never> => ({ kind: 'handled' });

type PrincipalFor<A extends Access> = A extends { kind: 'public' }
  ? Principal | null
  : A extends { kind: 'listener' }
    ? ListenerPrincipal
    : UserPrincipal;

export interface RouteSpec<A extends Access, P, Q, B, R> {
  method: HttpMethod;
  /** Full path with `{name}` parameters, as in OpenAPI. */
  path: string;
  summary: string;
  description?: string;
  tag: string;
  access: A;
  params?: ClassConstructor<P>;
  query?: ClassConstructor<Q>;
  body?: ClassConstructor<B>;
  /** What is done to a body before it is validated. */
  prepare_body?: (body: unknown) => unknown;
  /** Takes `application/octet-stream` instead of JSON. */
  binary_body?: { max_bytes: number };
  /** Files of a thousand products are more than anything a person types: 32 MB instead of 100 kB. */
  body_size?: 'large';
  /** What HTML forms send (`application/x-www-form-urlencoded`) instead of JSON. */
  body_type?: 'form';
  /** An absent body is taken for `{}`. */
  body_optional?: boolean;
  /** Class of the answer, for OpenAPI: `page` a page of them, `any` an object that has no class. */
  response?: ClassConstructor<unknown> | { page: ClassConstructor<unknown> } | { any: string };
  /** Its name in generated clients, where the path does not give a readable one. */
  operation_id?: string;
  /** Answers carry an `ETag`, which names the version for `If-Match` of a write. */
  etag?: true;
  /** The tag names the whole answer, counters too, so that a read honours `If-None-Match` with 304. */
  not_modified?: true;
  /** Makes what is not there yet (201), and honours `If-None-Match: *`. */
  creates_absent?: true;
  /** Answers server-sent events, to everybody or to those who accept them; says which events. */
  event_stream?: string;
  /** Answers a page for people. */
  html?: true;
  /** Statuses that it may refuse with beyond those that follow from the rest of this. */
  problems?: number[];
  /** Success status, 200 by default. */
  status?: number;
  /** Counts against the strict limiter of sign-in and the like. */
  rate_limit?: 'strict';
  /** What one user may do so often, or have open at once; see USER_LIMITS. */
  limit?: LimitName;
  handler(context: RouteContext<P, Q, B, PrincipalFor<A>>): Promise<Reply<R>>;
}

/** A route with its types forgotten: a row of the route table. */
export interface Route extends Omit<RouteSpec<Access, object, object, object, unknown>, 'handler'> {
  handler(context: RouteContext<object, object, object, never>): Promise<Reply<unknown>>;
}

/**
 * Declares one route: method, path, shapes, who may call it, handler. Validation, authorisation, the OpenAPI document
 * and the authorisation test all come from this one declaration.
 */
export function route<A extends Access, P extends object, Q extends object, B extends object, R>(
  spec: RouteSpec<A, P, Q, B, R>,
): Route {
  return spec as unknown as Route;
}
