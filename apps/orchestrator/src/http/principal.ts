/** Roles, weakest first: each may do what those before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What an API token may be used for: reading, changing, and making further credentials. A session may do all. */
export const SCOPES = ['read', 'write', 'tokens'] as const;
export type Scope = (typeof SCOPES)[number];

export interface UserPrincipal {
  kind: 'user';
  id: number;
  email: string;
  name: string;
  role: Role;
  /** Granted every product, those to come included; always true of an admin, unless by a token limited to products. */
  all_products: boolean;
  /** Granted products, where not all are. */
  product_ids: number[];
  /** May read what messages carry. */
  may_read_payloads: boolean;
  via: 'session' | 'api_token';
  /** Id of the session or API token. */
  credential_id: number;
  scopes: readonly Scope[];
  /** The API token is limited to products, so it manages nothing beyond them. */
  is_limited: boolean;
}

export interface ListenerPrincipal {
  kind: 'listener';
  token_id: number;
  product_id: number;
}

/** Who makes a request. */
export type Principal = UserPrincipal | ListenerPrincipal;

/**
 * Who may call a route. A `role` route with a `{product_id}` is not there for anybody without a grant on that product;
 * one that answers with what messages carry says `payloads`. `scope` is what an API token needs: `read` for GET and
 * `write` for all else, unless said.
 */
export type Access =
  | { kind: 'public' }
  | { kind: 'signed-in'; scope?: Scope }
  | { kind: 'role'; role: Role; payloads?: true; scope?: Scope }
  | { kind: 'listener' };

/** Products that a user may see. */
export type ProductScope = 'all' | readonly number[];

/** Which products the lists, searches and sums that `user` asks for may be made of. */
export function productsOf(user: UserPrincipal): ProductScope {
  return user.all_products ? 'all' : user.product_ids;
}
