import type { FieldFault } from '@cortex-mqtt/contracts';
import type { Scope, UserPrincipal } from '../../http/principal';
import type { CreateApiTokenDto } from './api-token.dto';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 90;
const DEFAULT_SCOPES: Scope[] = ['read', 'write'];

export interface TokenLimits {
  scopes: Scope[];
  /** null = all that its user may see. */
  product_ids: number[] | null;
  expires_at: Date | null;
}

/**
 * What a new token opens, and until when. It never goes beyond the token that makes it (`parent`); what was not asked for
 * takes the parent's bounds, what was asked for beyond them is a fault.
 */
export function limitsOf(
  dto: CreateApiTokenDto,
  maker: { principal: UserPrincipal; parent: TokenLimits | null; now: Date },
): { limits: TokenLimits; faults: FieldFault[] } {
  const faults: FieldFault[] = [];
  const limits: TokenLimits = {
    scopes: scopesFor(dto, maker.parent, faults),
    product_ids: productsFor(dto, maker.principal, faults),
    expires_at: endFor(dto, maker, faults),
  };
  return { limits, faults };
}

function scopesFor(dto: CreateApiTokenDto, parent: TokenLimits | null, faults: FieldFault[]): Scope[] {
  if (parent === null) return dto.scopes ?? DEFAULT_SCOPES;
  const beyond = (dto.scopes ?? []).filter((scope) => !parent.scopes.includes(scope));
  if (beyond.length > 0)
    faults.push({ field: 'scopes', message: `goes beyond the token that asks: ${beyond.join(', ')}` });
  return dto.scopes ?? DEFAULT_SCOPES.filter((scope) => parent.scopes.includes(scope));
}

function productsFor(dto: CreateApiTokenDto, principal: UserPrincipal, faults: FieldFault[]): number[] | null {
  const wanted = dto.product_ids ?? null;
  if (wanted === null) return principal.is_limited ? [...principal.product_ids] : null;
  if (principal.all_products) return wanted;
  wanted.forEach((id, index) => {
    if (principal.product_ids.includes(id)) return;
    faults.push({ field: `product_ids[${index}]`, message: `names no product that you may see: ${id}` });
  });
  return faults.length > 0 ? [] : wanted;
}

function endFor(
  dto: CreateApiTokenDto,
  { parent, now }: { parent: TokenLimits | null; now: Date },
  faults: FieldFault[],
): Date | null {
  if (dto.expires_at !== undefined && dto.expires_in_days !== undefined) {
    faults.push({ field: 'expires_in_days', message: 'must be absent when expires_at is given' });
  }
  const asked = askedEnd(dto, now);
  if (asked instanceof Date && asked <= now) faults.push({ field: 'expires_at', message: 'must be in the future' });
  const last = parent?.expires_at ?? null;
  if (asked === undefined) {
    const usual = new Date(now.getTime() + DEFAULT_DAYS * DAY_MS);
    return last !== null && last < usual ? last : usual;
  }
  if (last !== null && (asked === null || asked > last)) {
    const field = dto.expires_at === undefined ? 'expires_in_days' : 'expires_at';
    faults.push({ field, message: `outlives the token that asks, which ends at ${last.toISOString()}` });
  }
  return asked;
}

/** undefined = nothing was asked for; null = never. */
function askedEnd({ expires_at, expires_in_days }: CreateApiTokenDto, now: Date): Date | null | undefined {
  if (expires_at !== undefined) return expires_at === null ? null : new Date(expires_at);
  if (expires_in_days === undefined || expires_in_days === null) return expires_in_days;
  return new Date(now.getTime() + expires_in_days * DAY_MS);
}
