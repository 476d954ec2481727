import type { UserPrincipal } from '../../http/principal';
import type { SignedInUserView } from './auth.dto';

/** What the console shows and hides by. */
export function presentSignedIn(principal: UserPrincipal): SignedInUserView {
  const { id, email, name, role, all_products, product_ids, may_read_payloads } = principal;
  return { id, email, name, role, all_products, product_ids, may_read_payloads };
}
