import type { FieldFault } from '@cortex-mqtt/contracts';

/** A fault that the caller is told of, as RFC 9457 problem details. One small subclass a kind. */
export abstract class AppError extends Error {
  abstract readonly status: number;
  /** Stable end of `urn:cortex-mqtt:problem:<kind>`. */
  abstract readonly kind: string;
  abstract readonly title: string;
  readonly errors: FieldFault[] = [];
  readonly headers: Record<string, string> = {};
}

export class ValidationError extends AppError {
  readonly status = 400;
  readonly kind = 'validation';
  readonly title = 'The request has invalid fields';
  override readonly errors: FieldFault[];

  constructor(errors: FieldFault[]) {
    super(errors.map(({ field, message }) => (field ? `${field} ${message}` : message)).join('; '));
    this.errors = errors;
  }
}

export class MalformedRequestError extends AppError {
  readonly status = 400;
  readonly kind = 'malformed-request';
  readonly title = 'The request could not be read';
}

export class PayloadTooLargeError extends AppError {
  readonly status = 413;
  readonly kind = 'payload-too-large';
  readonly title = 'The request body is too large';
}

export class UnsupportedMediaTypeError extends AppError {
  readonly status = 415;
  readonly kind = 'unsupported-media-type';
  readonly title = 'The request body has an unsupported media type';
}

export class UnauthenticatedError extends AppError {
  readonly status = 401;
  readonly kind = 'unauthenticated';
  readonly title = 'Sign in, or send a valid bearer token';
  override readonly headers = { 'WWW-Authenticate': 'Bearer' };
}

/**
 * A listener token that is not in the database at all, as after a restore from an older backup: unlike a revoked one nobody
 * has taken it away on purpose.
 */
export class UnknownListenerTokenError extends AppError {
  readonly status = 401;
  readonly kind = 'unknown-listener-token';
  readonly title = 'This listener token is not known here';
  override readonly headers = { 'WWW-Authenticate': 'Bearer' };
}

export class ForbiddenError extends AppError {
  readonly status = 403;
  readonly kind = 'forbidden';
  readonly title = 'You may not do this';
}

export class NotFoundError extends AppError {
  readonly status = 404;
  readonly kind = 'not-found';
  readonly title = 'Not found';
}

/** It was there and never will be again (RFC 9110, 15.5.11). */
export class GoneError extends AppError {
  readonly status = 410;
  readonly kind = 'gone';
  readonly title = 'No longer available';
}

export class MethodNotAllowedError extends AppError {
  readonly status = 405;
  readonly kind = 'method-not-allowed';
  readonly title = 'This method is not available here';
  override readonly headers: Record<string, string>;

  constructor(allowed: string[]) {
    super(`Use ${allowed.join(' or ')}.`);
    this.headers = { Allow: allowed.join(', ') };
  }
}

export class ConflictError extends AppError {
  readonly status = 409;
  readonly kind = 'conflict';
  readonly title = 'This conflicts with what is there';
  override readonly errors: FieldFault[];

  constructor(detail: string, errors: FieldFault[] = []) {
    super(detail);
    this.errors = errors;
  }
}

/** A lost update (RFC 9110, 13.1.1): somebody else changed it since it was read. */
export class PreconditionFailedError extends AppError {
  readonly status = 412;
  readonly kind = 'precondition-failed';
  readonly title = 'It was changed since you read it';
}

/** Another request under an `Idempotency-Key` that was used (draft-ietf-httpapi-idempotency-key-header). */
export class IdempotencyKeyReusedError extends AppError {
  readonly status = 422;
  readonly kind = 'idempotency-key-reused';
  readonly title = 'The Idempotency-Key was used for another request';
}

export class TooManyRequestsError extends AppError {
  readonly status = 429;
  readonly kind = 'too-many-requests';
  readonly title = 'Too many requests';
  override readonly headers: Record<string, string>;

  constructor({ detail, retry_after_s }: { detail: string; retry_after_s: number }) {
    super(detail);
    this.headers = { 'Retry-After': String(retry_after_s) };
  }
}

/** Everything that is needed answers, and there is more to do than it can: all database connections stayed in use. */
export class OverloadedError extends AppError {
  readonly status = 503;
  readonly kind = 'overloaded';
  readonly title = 'The server has more to do than it can';
  override readonly headers = { 'Retry-After': '10' };
}

/** A dependency is down; the request may be sent again. */
export class UnavailableError extends AppError {
  readonly status = 503;
  readonly kind = 'unavailable';
  readonly title = 'A needed service is not available';
  override readonly headers = { 'Retry-After': '5' };
}

/** What is answered for every error that is none of ours; nothing of the cause is told. */
export class InternalError extends AppError {
  readonly status = 500;
  readonly kind = 'internal';
  readonly title = 'Something went wrong on our side';
}
