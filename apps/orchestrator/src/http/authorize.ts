import { ForbiddenError, UnauthenticatedError } from './app-error';
import { type Access, type Principal, ROLES } from './principal';

/**
 * Decides whether `principal` may call a route with `access`; `product_id` is the one in its path, if any.
 * Throws UnauthenticatedError without a principal, ForbiddenError with one that may not.
 */
export function authorize(access: Access, principal: Principal | null, product_id: number | null): void {
  switch (access.kind) {
    case 'public':
      return;
    case 'listener':
      if (principal === null) throw new UnauthenticatedError('This endpoint takes a listener token.');
      if (principal.kind !== 'listener') throw new ForbiddenError('This endpoint takes a listener token only.');
      return;
    case 'signed-in':
      requireUser(principal);
      return;
    case 'role': {
      const user = requireUser(principal);
      if (ROLES.indexOf(user.role) < ROLES.indexOf(access.role)) {
        throw new ForbiddenError(`This takes the role ${access.role}; yours is ${user.role}.`);
      }
      if (access.role === 'operator' && user.role === 'operator' && product_id !== null) {
        if (!user.product_ids.includes(product_id)) throw new ForbiddenError('You have no grant on this product.');
      }
      return;
    }
    default:
      access satisfies never;
  }
}

function requireUser(principal: Principal | null): Extract<Principal, { kind: 'user' }> {
  if (principal === null) throw new UnauthenticatedError('There is no valid session or bearer token.');
  if (principal.kind !== 'user') throw new ForbiddenError('A listener token opens only /internal of its own product.');
  return principal;
}
