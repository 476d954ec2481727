import { IPv4, IPv6, parseCIDR } from 'ipaddr.js';
import type { Address } from './address';

/** Kinds that are refused even when they are listed. */
export const NEVER = ['unspecified', 'link_local', 'metadata', 'multicast', 'broadcast'] as const;
/** Kinds that are refused unless they are listed. */
export const UNLESS_LISTED = ['loopback', 'private', 'reserved'] as const;

export type RefusalReason = (typeof NEVER)[number] | (typeof UNLESS_LISTED)[number];
export type AddressKind = RefusalReason | 'public';

/** First match wins, so single addresses stand before the ranges they lie in. */
const RANGES: readonly (readonly [AddressKind, string])[] = [
  // Cloud instance metadata outside link-local: Alibaba, Azure, Oracle, AWS, Google.
  ['metadata', '100.100.100.200/32'],
  ['metadata', '168.63.129.16/32'],
  ['metadata', '192.0.0.192/32'],
  ['metadata', 'fd00:ec2::/32'],
  ['metadata', 'fd20:ce::254/128'],
  ['unspecified', '0.0.0.0/8'],
  ['link_local', '169.254.0.0/16'],
  ['broadcast', '255.255.255.255/32'],
  ['multicast', '224.0.0.0/4'],
  ['loopback', '127.0.0.0/8'],
  ['private', '10.0.0.0/8'],
  ['private', '172.16.0.0/12'],
  ['private', '192.168.0.0/16'],
  ['private', '100.64.0.0/10'], // carrier-grade NAT (RFC 6598)
  ['unspecified', '::/128'],
  ['loopback', '::1/128'],
  ['link_local', 'fe80::/10'],
  ['multicast', 'ff00::/8'],
  ['private', 'fc00::/7'], // unique local (RFC 4193)
  ['private', 'fec0::/10'], // site-local, deprecated (RFC 3879)
];

/** What an address is for, by the IANA special-purpose registries. Not for IPv6 forms of IPv4: see `destinationsOf`. */
export function kindOf(address: Address): AddressKind {
  for (const [kind, cidr] of RANGES) {
    if (isWithin(address, cidr)) return kind;
  }
  if (address.range() !== 'unicast') return 'reserved';
  // Global unicast is 2000::/3; the rest is not assigned.
  return address instanceof IPv6 && !isWithin(address, '2000::/3') ? 'reserved' : 'public';
}

/** false too when one is IPv4 and the other IPv6. */
export function isWithin(address: Address, cidr: string): boolean {
  const [base, bits] = parseCIDR(cidr);
  if (address instanceof IPv4) return base instanceof IPv4 && address.match(base, bits);
  return base instanceof IPv6 && address.match(base, bits);
}
