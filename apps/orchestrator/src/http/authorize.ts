import { ForbiddenError, NotFoundError, UnauthenticatedError } from './app-error';
import { type Access, type Principal, ROLES, type Scope, type UserPrincipal } from './principal';

/** What of a request decides about it. */
export interface Attempt {
  /** A GET or HEAD. */
  is_read: boolean;
  /** The one in its path, if any. */
  product_id: number | null;
}

/**
 * Decides whether `principal` may make a request to a route with `access`. Throws UnauthenticatedError without a principal,
 * NotFoundError where a product is not granted (whether it exists is nobody's business), ForbiddenError otherwise.
 */
export function authorize(access: Access, principal: Principal | null, attempt: Attempt): void {
  switch (access.kind) {
    case 'public':
      return;
    case 'listener':
      if (principal === null) throw new UnauthenticatedError('This endpoint takes a listener token.');
      if (principal.kind !== 'listener') throw new ForbiddenError('This endpoint takes a listener token only.');
      return;
    case 'signed-in':
      requireScope(requireUser(principal), access.scope ?? scopeFor(attempt));
      return;
    case 'role': {
      const user = requireUser(principal);
      requireScope(user, access.scope ?? scopeFor(attempt));
      const { product_id } = attempt;
      if (product_id !== null && !user.all_products && !user.product_ids.includes(product_id)) {
        throw new NotFoundError(`There is no product ${product_id}.`);
      }
      if (ROLES.indexOf(user.role) < ROLES.indexOf(access.role)) {
        throw new ForbiddenError(`This takes the role ${access.role}; yours is ${user.role}.`);
      }
      if (access.role === 'admin' && product_id === null && user.is_limited) {
        throw new ForbiddenError('This API token is limited to products.');
      }
      if (access.payloads && !user.may_read_payloads) {
        throw new ForbiddenError('Your grant does not include what messages carry; an administrator can add it.');
      }
      return;
    }
    default:
      access satisfies never;
  }
}

const scopeFor = ({ is_read }: Attempt): Scope => (is_read ? 'read' : 'write');

function requireScope(user: UserPrincipal, scope: Scope): void {
  if (!user.scopes.includes(scope)) throw new ForbiddenError(`This API token lacks the scope ${scope}.`);
}

function requireUser(principal: Principal | null): UserPrincipal {
  if (principal === null) throw new UnauthenticatedError('There is no valid session or bearer token.');
  if (principal.kind !== 'user') throw new ForbiddenError('A listener token opens only /internal of its own product.');
  return principal;
}
