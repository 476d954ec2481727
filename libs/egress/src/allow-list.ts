import { isIP } from 'node:net';
import { isValidCIDR } from 'ipaddr.js';
import { type Address, destinationsOf, literalAddress, normaliseHost, parseAddress } from './address';
import { type AddressKind, isWithin } from './address-kind';

/** An entry of `EGRESS_ALLOW` that means nothing. The message tells its place, not its text. */
export class EgressAllowError extends Error {
  override readonly name = 'EgressAllowError';

  constructor(index: number) {
    super(
      `item ${index + 1} must be loopback, private, an IP address, a range such as 10.0.0.0/8, a host name or *.suffix`,
    );
  }
}

export interface AllowList {
  /** Whether this host name is listed, whatever it resolves to. */
  hasHost(host: string): boolean;
  /** Whether this address, of this kind, is listed. */
  hasAddress(address: Address, kind: AddressKind): boolean;
}

/** @throws {EgressAllowError} */
export function parseAllowList(entries: readonly string[]): AllowList {
  const kinds = new Set<AddressKind>();
  const cidrs: string[] = [];
  const hosts = new Set<string>();
  const suffixes: string[] = [];
  for (const [index, raw] of entries.entries()) {
    const entry = raw.trim();
    if (entry === 'loopback' || entry === 'private') kinds.add(entry);
    else if (isIP(entry) !== 0) cidrs.push(...singleAddress(entry));
    else if (entry.includes('/') && isValidCIDR(entry)) cidrs.push(entry);
    else if (entry.startsWith('*.') && isHostName(entry.slice(2))) suffixes.push(normaliseHost(entry.slice(1)));
    else if (isHostName(entry)) hosts.add(normaliseHost(entry));
    else throw new EgressAllowError(index);
  }
  return {
    hasHost: (host) => {
      const name = normaliseHost(host);
      return hosts.has(name) || suffixes.some((suffix) => name.endsWith(suffix) && name.length > suffix.length);
    },
    hasAddress: (address, kind) => kinds.has(kind) || cidrs.some((cidr) => isWithin(address, cidr)),
  };
}

/** An IPv4 address written as IPv6 is listed as the IPv4 address it is. */
function singleAddress(entry: string): string[] {
  return destinationsOf(parseAddress(entry)).map((a) => `${a.toString()}/${a.kind() === 'ipv4' ? 32 : 128}`);
}

/** A numeric form such as `0x7f.1` is no name: listing it would look like one thing and mean another. */
function isHostName(text: string): boolean {
  const name = normaliseHost(text);
  return (
    name.length <= 253 &&
    literalAddress(name) === null &&
    /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(name) &&
    !/^\d+$/.test(name.split('.').at(-1) ?? '')
  );
}
