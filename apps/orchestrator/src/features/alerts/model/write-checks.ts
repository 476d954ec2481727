import { type ExpectedRevisions, namesRevision } from '../../../http/etag';
import type { FieldFault } from '@cortex-mqtt/contracts';
import { ForbiddenError, PreconditionFailedError } from '../../../http/app-error';
import type { ProductScope } from '../../../http/principal';

export function requireRevision({ revision }: { revision: number }, expected: ExpectedRevisions | undefined): void {
  if (expected !== undefined && !namesRevision(expected, { number: revision, key: '' })) {
    throw new PreconditionFailedError(
      `It is at revision ${revision}, you have read ${expected.map(({ number }) => number).join(' or ') || 'none of its own'}. Read it again and repeat your change.`,
    );
  }
}

export function labelFaults(labels: Record<string, unknown>): FieldFault[] {
  return Object.entries(labels).flatMap(([name, value]) => {
    const field = `labels.${name}`;
    if (!/^[A-Za-z_][\w-]{0,63}$/.test(name))
      return [{ field, message: 'must begin with a letter and have at most 64 of A-Z a-z 0-9 _ -' }];
    return typeof value === 'string' && value.length <= 200
      ? []
      : [{ field, message: 'must be a text of at most 200 characters' }];
  });
}

/** Whoever writes for a product has it granted; a rule for all products takes a grant on all of them. */
export function requireGrants(
  { all_products, product_ids }: { all_products: boolean; product_ids: readonly number[] },
  scope: ProductScope,
): void {
  if (scope === 'all') return;
  if (all_products || !product_ids.every((id) => scope.includes(id))) {
    throw new ForbiddenError('Name only products that are granted to you; all_products takes a grant on all of them.');
  }
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
