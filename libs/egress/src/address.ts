import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { IPv4, IPv6, parse } from 'ipaddr.js';

export type Address = IPv4 | IPv6;

/**
 * The address that a host text is, or null when it is a name. Takes what getaddrinfo takes: dotted quads with octal and
 * hexadecimal parts, fewer than four parts, a single number, full-width digits, IPv6 with a zone; and brackets as in URLs.
 */
export function literalAddress(host: string): Address | null {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const withoutZone = bare.split('%', 1)[0] ?? bare;
  if (isIP(withoutZone) !== 0) return parse(withoutZone);
  // Empty for what is no domain; the text itself is then looked at.
  const ascii = (domainToASCII(bare) || bare).replace(/\.$/, '');
  return IPv4.isValid(ascii) ? IPv4.parse(ascii) : null;
}

/** An address as a resolver gives it, zone allowed. */
export function parseAddress(text: string): Address {
  return parse(text.split('%', 1)[0] ?? text);
}

/** Lower case, without trailing dot, internationalised names in ASCII. */
export function normaliseHost(host: string): string {
  return (domainToASCII(host) || host).toLowerCase().replace(/\.$/, '');
}

/**
 * Where packets to an address end: the IPv4 addresses inside an IPv6 form, or the address itself. Several for Teredo, which
 * names a relay and a client.
 */
export function destinationsOf(address: Address): Address[] {
  if (address instanceof IPv4) return [address];
  const bytes = address.toByteArray();
  const is = (text: string, bits: number) => address.match(IPv6.parse(text), bits);
  const at = (offset: number) => new IPv4(bytes.slice(offset, offset + 4));

  if (is('::', 127)) return [address]; // :: and ::1 are addresses of their own
  if (is('::', 96)) return [at(12)]; // IPv4-compatible (RFC 4291, 2.5.5.1)
  if (is('::ffff:0:0', 96)) return [at(12)]; // IPv4-mapped (RFC 4291, 2.5.5.2)
  if (is('::ffff:0:0:0', 96)) return [at(12)]; // IPv4-translated (RFC 2765)
  if (is('64:ff9b::', 96)) return [at(12)]; // NAT64 (RFC 6052)
  // NAT64 of the local network (RFC 8215): where the IPv4 part stands depends on that network, so both are judged.
  if (is('64:ff9b:1::', 48)) return [at(12), address];
  if (is('2002::', 16)) return [at(2)]; // 6to4 (RFC 3056)
  if (is('2001::', 32)) return [at(4), new IPv4(bytes.slice(12).map((byte) => byte ^ 0xff))]; // Teredo (RFC 4380)
  if (isIsatap(bytes)) return [address, at(12)];
  return [address];
}

/** Interface identifier `0000:5efe` or `0200:5efe` and an IPv4 address (RFC 5214, 6.1). */
function isIsatap(bytes: readonly number[]): boolean {
  return (bytes[8] === 0 || bytes[8] === 2) && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
}
