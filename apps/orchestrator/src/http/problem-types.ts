import {
  type AppError,
  ConflictError,
  ForbiddenError,
  GoneError,
  IdempotencyKeyReusedError,
  InternalError,
  MalformedRequestError,
  MethodNotAllowedError,
  NotFoundError,
  OverloadedError,
  PayloadTooLargeError,
  PreconditionFailedError,
  TooManyRequestsError,
  UnauthenticatedError,
  UnavailableError,
  UnknownListenerTokenError,
  UnsupportedMediaTypeError,
  ValidationError,
} from './app-error';

/** A kind of problem, with what its page says. */
export interface ProblemType {
  kind: string;
  title: string;
  status: number;
  /** When it is answered. */
  meaning: string;
  /** What a caller does about it. */
  advice: string;
}

const described = (error: AppError, meaning: string, advice: string): ProblemType => {
  const { kind, title, status } = error;
  return { kind, title, status, meaning, advice };
};

/** Every kind of problem that the API answers. A test compares it with the subclasses of `AppError`. */
export const PROBLEM_TYPES: readonly ProblemType[] = [
  described(
    new ValidationError([]),
    'The request was read, and fields of its path, query, headers or body break a rule.',
    'Each entry of `errors` names a field by its path and says in `message` what is wrong with it, once a field. Mend them and send the request again.',
  ),
  described(
    new MalformedRequestError(),
    'The request is no valid HTTP or JSON, or has no body where it needs one.',
    'Check the encoding of the path and that the body is one JSON value.',
  ),
  described(
    new UnauthenticatedError(),
    'No credential was sent, or it is unknown, expired or revoked.',
    'Sign in again, or send `Authorization: Bearer` with a valid token.',
  ),
  described(
    new UnknownListenerTokenError(),
    'The listener token is not in the database: its product was deleted, or the database was restored from a backup that is older than the token.',
    'A listener keeps its configuration for two minutes meanwhile. The process runtime gives it a new token by itself; elsewhere create one and restart the listener with it.',
  ),
  described(
    new ForbiddenError(),
    'The credential is valid and does not allow this: by its role, by the scopes of its token, or for want of the CSRF token.',
    'Ask an administrator for the role or grant, or use a token with the scope. A write with the session cookie sends `x-csrf-token`.',
  ),
  described(
    new NotFoundError(),
    'There is nothing here, or it is not granted to the caller.',
    'Check the id, and that the product is granted.',
  ),
  described(
    new MethodNotAllowedError([]),
    'The path exists and does not take this method.',
    'The header `Allow` lists the methods that it takes; `OPTIONS` asks for them.',
  ),
  described(
    new ConflictError(''),
    'The request is valid and clashes with what is stored: a name that is taken, a product locked by its configuration file, the last administrator.',
    'Read `detail`, and `errors` where it names fields; read the resource again before you repeat the request.',
  ),
  described(
    new GoneError(),
    'It existed once and will not come back, such as a link that was used.',
    'Ask for a new one.',
  ),
  described(
    new PreconditionFailedError(),
    'A condition of the request does not hold: `If-Match` names a version that is not the current one, or `If-None-Match: *` was sent and the resource exists.',
    'Read the resource, apply your change to what it is now, and send the new `ETag`.',
  ),
  described(
    new PayloadTooLargeError(),
    'The body is larger than this call takes.',
    'Send less: most calls take 100 kB, configuration files 32 MB.',
  ),
  described(
    new UnsupportedMediaTypeError(),
    'The body has a media type, charset or encoding that this call does not take.',
    'Send JSON as `application/json`; changes also as `application/merge-patch+json`.',
  ),
  described(
    new IdempotencyKeyReusedError(),
    'The `Idempotency-Key` was used before for another request: another path or body.',
    'Draw a new key for each thing that you create; repeat a key only with the same request.',
  ),
  described(
    new TooManyRequestsError({ detail: '', retry_after_s: 1 }),
    'A limit for this user or address is reached.',
    'Wait as long as `Retry-After` says.',
  ),
  described(
    new InternalError(),
    'A fault of the server. It was logged with the `request_id` of the answer.',
    'Report the `request_id`. Whether the request took effect is unknown: read before you repeat it.',
  ),
  described(
    new OverloadedError(),
    'Everything that the call needs is reachable, and busy: no database connection became free in time.',
    'Wait as long as `Retry-After` says. Operators: `cortex_mqtt_database_connections` shows the pool, `DATABASE_POOL_SIZE` sets it.',
  ),
  described(
    new UnavailableError(''),
    'The database, the queue or another service that the call needs is not reachable, or the server is starting.',
    'Repeat the request after `Retry-After`; `/readyz` names what is missing.',
  ),
];

/** The stable `type` of a problem. */
export const problemUrn = (kind: string): string => `urn:cortex-mqtt:problem:${kind}`;

/** Where a problem is explained, relative to the server. */
export const problemPage = (kind: string): string => `/docs/problems/${kind}`;

/** The kinds that have a status. */
export const problemsOf = (status: number): ProblemType[] => PROBLEM_TYPES.filter((type) => type.status === status);
