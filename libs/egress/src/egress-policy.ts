import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { destinationsOf, literalAddress, parseAddress } from './address';
import { kindOf, NEVER, type RefusalReason } from './address-kind';
import { parseAllowList } from './allow-list';
import { EgressRefusedError } from './egress-refused-error';

/** Resolves a name to all its addresses; `dns.lookup` with `all: true`. */
export type Resolve = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface EgressPolicyOptions {
  /**
   * `EGRESS_ALLOW`: `loopback`, `private`, IP addresses, CIDR ranges, host names, `*.suffix`. Public addresses need no entry;
   * link-local, metadata, unspecified, multicast and broadcast addresses are refused even when listed.
   */
  allow: readonly string[];
  resolve?: Resolve;
}

/**
 * Decides which hosts broker connections, tests and webhooks may reach. Every connection needs both halves, for Node asks
 * `lookup` for names only and connects to a literal address without asking:
 *
 *     policy.checkLiteral(host);
 *     net.connect({ host, port, lookup: policy.lookup });
 *
 * The decision is made on the very addresses that are then connected to, so a name that changes its mind between check and
 * connect (DNS rebinding) gains nothing. Redirects are new connections and need both halves again.
 */
export interface EgressPolicy {
  /** @throws {EgressRefusedError} when the host is an address, in any spelling, that is refused. Names pass. */
  checkLiteral(host: string): void;
  /** @throws {EgressRefusedError} when any of the addresses that `host` resolved to is refused. */
  assertAllowed(host: string, addresses: readonly string[]): void;
  /**
   * For a host that something else resolves and connects to for us, such as an HTTP proxy: every address that it has here must be
   * allowed. A name that is unknown here passes, the proxy may know it; what the proxy reaches is then the proxy's to decide.
   * @throws {EgressRefusedError}
   */
  checkRemote(host: string): Promise<void>;
  /**
   * For the `lookup` option of net, tls, http and undici: gives only addresses that may be reached, and an
   * `EgressRefusedError` when there is none. Takes `all`, `family`, `hints` and `order`.
   */
  lookup: LookupFunction;
}

/** @throws {EgressAllowError} when an entry means nothing. */
export function createEgressPolicy(options: EgressPolicyOptions): EgressPolicy {
  const { resolve = systemLookup } = options;
  const allowList = parseAllowList(options.allow);

  function refusalOf(host: string, address: string): EgressRefusedError | null {
    const hostListed = allowList.hasHost(host);
    for (const destination of destinationsOf(parseAddress(address))) {
      const reason = refusalReason(destination, hostListed);
      if (reason !== null) return new EgressRefusedError({ host, address, reason });
    }
    return null;
  }

  function refusalReason(destination: ReturnType<typeof parseAddress>, hostListed: boolean): RefusalReason | null {
    const kind = kindOf(destination);
    if (kind === 'public') return null;
    if ((NEVER as readonly string[]).includes(kind)) return kind;
    return hostListed || allowList.hasAddress(destination, kind) ? null : kind;
  }

  return {
    checkLiteral(host) {
      const address = literalAddress(host);
      const refusal = address === null ? null : refusalOf(host, address.toString());
      if (refusal !== null) throw refusal;
    },

    assertAllowed(host, addresses) {
      for (const address of addresses) {
        const refusal = refusalOf(host, address);
        if (refusal !== null) throw refusal;
      }
    },

    async checkRemote(host) {
      const literal = literalAddress(host);
      const addresses =
        literal !== null
          ? [literal.toString()]
          : await new Promise<string[]>((done) => {
              resolve(host, { all: true }, (error, found) => done(error ? [] : found.map(({ address }) => address)));
            });
      for (const address of addresses) {
        const refusal = refusalOf(host, address);
        if (refusal !== null) throw refusal;
      }
    },

    lookup(hostname, lookupOptions, callback) {
      const { all = false, ...rest } = optionsOf(lookupOptions);
      resolve(hostname, { ...rest, all: true }, (error, addresses) => {
        if (error) {
          callback(error, '', 0);
          return;
        }
        const judged = addresses.map((entry) => ({ entry, refusal: refusalOf(hostname, entry.address) }));
        const allowed = judged.filter(({ refusal }) => refusal === null).map(({ entry }) => entry);
        const [first] = allowed;
        if (first === undefined) callback(judged[0]?.refusal ?? noAddress(hostname), '', 0);
        else if (all) callback(null, allowed);
        else callback(null, first.address, first.family);
      });
    },
  };
}

/** Node's own callers pass an object; some libraries pass a family, as `dns.lookup` allows. */
function optionsOf(options: unknown): { all?: boolean } & Omit<LookupAllOptions, 'all'> {
  if (typeof options === 'number') return { family: options };
  return (options ?? {}) as { all?: boolean };
}

function noAddress(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
}
