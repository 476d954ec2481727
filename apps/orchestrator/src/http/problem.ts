import type { Problem } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import { isUnavailable } from '@cortex-mqtt/queues';
import type { ErrorRequestHandler, Request, Response } from 'express';

import {
  AppError,
  InternalError,
  MalformedRequestError,
  OverloadedError,
  PayloadTooLargeError,
  UnavailableError,
  UnsupportedMediaTypeError,
} from './app-error';
import { problemPage, problemUrn } from './problem-types';

/** The one place where errors become answers: RFC 9457 `application/problem+json`. */
export function problemHandler({ logger }: { logger: Logger }): ErrorRequestHandler {
  return (error: unknown, request: Request, response: Response, next) => {
    const known = toAppError(error);
    if (known?.status === 503) {
      logger.warn('request failed: a dependency is unavailable', {
        request_id: response.locals.request_id,
        path: request.path,
        error,
      });
    }
    if (!known) {
      logger.error('request failed unexpectedly', {
        request_id: response.locals.request_id,
        path: request.path,
        error,
      });
    }
    // A stream that has told its problem itself.
    if (response.writableEnded) return;
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem = problemOf(error, request, response);
    response
      .status(problem.status)
      .set(known?.headers ?? {})
      .links({ help: problemPage(known?.kind ?? 'internal') })
      .type('application/problem+json')
      .send(JSON.stringify(problem));
  };
}

/** What the caller is told of an error; nothing of one that isn't ours. */
export function problemOf(cause: unknown, request: Request, response: Response): Problem {
  const error = toAppError(cause) ?? new InternalError('The fault was logged under this request_id.');
  return {
    type: problemUrn(error.kind),
    title: error.title,
    status: error.status,
    detail: error.message,
    instance: request.originalUrl.split('?')[0] ?? request.path,
    request_id: String(response.locals.request_id ?? ''),
    errors: error.errors,
  };
}

/** Express' own parse errors carry `type` and `status`; everything else that is not ours is a fault of ours. */
function toAppError(error: unknown): AppError | null {
  if (error instanceof AppError) return error;
  if (typeof error === 'object' && error !== null && 'type' in error) {
    switch (error.type) {
      case 'entity.parse.failed':
        return new MalformedRequestError(`The body is not valid JSON: ${(error as unknown as Error).message}`);
      case 'entity.too.large':
        return new PayloadTooLargeError(`The body may have ${Number((error as { limit?: number }).limit) / 1024} kB.`);
      case 'parameters.too.many':
        return new PayloadTooLargeError('The form has too many fields.');
      case 'encoding.unsupported':
      case 'charset.unsupported':
        return new UnsupportedMediaTypeError((error as unknown as Error).message);
      case 'request.aborted':
      case 'request.size.invalid':
        return new MalformedRequestError((error as unknown as Error).message);
    }
  }
  if (error instanceof URIError) return new MalformedRequestError('The path has an invalid percent-encoding.');
  if (isPoolExhausted(error)) return new OverloadedError('No database connection became free in time.');
  // Postgres or the queue is away: their errors look alike, and both heal by themselves.
  if (isUnavailable(error)) return new UnavailableError('A service that is needed here is not reachable; try again.');
  return null;
}

/** What pg's pool says when every connection stayed in use; one that can't be made has another message. */
const isPoolExhausted = (error: unknown): boolean =>
  error instanceof Error && error.message === 'timeout exceeded when trying to connect';
