import type { RequestHandler, Response } from 'express';
import { statusesOf } from '../http/openapi-operation';
import type { Route } from '../http/route';

/**
 * Compares every answer of a test app with what the OpenAPI document says of its route: the status is documented, a 201 has a
 * `Location`, an `ETag` is there where and only where it is announced. So each test of the API is one of its description.
 */
export function createContractWatch(routes: readonly Route[]): { watch: RequestHandler; broken: Set<string> } {
  const broken = new Set<string>();
  const documented = new Map(
    routes.map((route) => [`${route.method} ${route.path}`, { route, statuses: statusesOf(route) }]),
  );
  const check = (method: string, response: Response): void => {
    const entry = documented.get(`${method.toLowerCase()} ${String(response.locals.route)}`);
    if (entry === undefined || !response.headersSent) return;
    const { route, statuses } = entry;
    const status = response.statusCode;
    const name = `${method} ${route.path} → ${status}`;
    const fault = (what: string) => broken.add(`${name}: ${what}`);
    if (!statuses.includes(status)) fault('is not documented');
    if (status === 201 && !response.hasHeader('Location')) fault('has no Location');
    if (response.hasHeader('ETag') && !route.etag) fault('has an ETag that is not documented');
    if ((status === 200 || status === 201) && route.etag && route.method !== 'delete' && !response.hasHeader('ETag')) {
      fault('has no ETag');
    }
  };
  return {
    broken,
    watch: (request, response, next) => {
      response.once('finish', () => check(request.method, response));
      next();
    },
  };
}
