/** Roles, weakest first: each may do what those before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface UserPrincipal {
  kind: 'user';
  id: number;
  email: string;
  name: string;
  role: Role;
  /** Products that an operator may change; an admin may change all. */
  product_ids: number[];
  via: 'session' | 'api_token';
}

export interface ListenerPrincipal {
  kind: 'listener';
  token_id: number;
  product_id: number;
}

/** Who makes a request. */
export type Principal = UserPrincipal | ListenerPrincipal;

/** Who may call a route. `role` routes with a `{product_id}` ask an operator for a grant on that product. */
export type Access = { kind: 'public' } | { kind: 'signed-in' } | { kind: 'role'; role: Role } | { kind: 'listener' };
