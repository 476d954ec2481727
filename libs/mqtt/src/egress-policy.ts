import type { LookupFunction } from 'node:net';

/** What is needed here of the policy that says which hosts may be reached. */
export interface EgressPolicy {
  /** Resolves like `dns.lookup` and refuses, with an error, what must not be reached; for `net.connect`. */
  lookup: LookupFunction;
  /** Throws when `host` is an IP literal that must not be reached: `net.connect` resolves no literals. */
  checkLiteral(host: string): void;
}
