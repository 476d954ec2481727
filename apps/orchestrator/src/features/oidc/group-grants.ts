import { ROLES, type Role } from '../../http/principal';

/** What a group of a provider is granted here. */
export interface GroupGrant {
  /** `*` is everybody whom the provider lets in. */
  group: string;
  role: Role;
  /** Slugs; `all` are those to come too. Of no account for an administrator. */
  products?: 'all' | readonly string[];
  /** Lets viewers read what messages carry. */
  may_read_payloads?: boolean;
}

export interface Granted {
  role: Role;
  all_products: boolean;
  product_slugs: string[];
  may_read_payloads: boolean;
}

/**
 * What the groups of a person add up to; null when none of them is granted anything. A user has one role, which counts for every
 * product: so the strongest role decides, and only its entries say for which products. Nobody changes what a group lets them
 * only read.
 */
export function grantedTo(groups: readonly string[], grants: readonly GroupGrant[]): Granted | null {
  const mine = grants.filter(({ group }) => group === '*' || groups.includes(group));
  const role = ROLES.findLast((one) => mine.some((grant) => grant.role === one));
  if (role === undefined) return null;
  const decisive = mine.filter((grant) => grant.role === role);
  const all_products = role === 'admin' || decisive.some(({ products }) => products === 'all');
  const slugs = decisive.flatMap(({ products }) => (Array.isArray(products) ? (products as string[]) : []));
  return {
    role,
    all_products,
    product_slugs: all_products ? [] : [...new Set(slugs)].sort(),
    may_read_payloads: decisive.every(({ may_read_payloads }) => may_read_payloads === true),
  };
}

/** The groups that claims tell of: the claim by its name, or by a path through objects (`realm_access.roles`). */
export function groupsOf(claims: Readonly<Record<string, unknown>>, claim: string): string[] {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : at(claims, claim.split('.'));
  const values = Array.isArray(value) ? value : [value];
  return values.filter((group): group is string => typeof group === 'string' && group !== '' && group !== '*');
}

function at(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>(
    (place, name) =>
      typeof place === 'object' && place !== null && Object.hasOwn(place, name)
        ? (place as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}
