import type { RefusalReason } from './address-kind';

const IN_WORDS: Record<RefusalReason, string> = {
  unspecified: 'the unspecified address',
  link_local: 'a link-local address',
  metadata: 'a cloud metadata address',
  multicast: 'a multicast address',
  broadcast: 'the broadcast address',
  loopback: 'a loopback address',
  private: 'a private address',
  reserved: 'a reserved address',
};

/** A destination that the egress policy refuses. */
export class EgressRefusedError extends Error {
  override readonly name = 'EgressRefusedError';
  readonly code = 'EGRESS_REFUSED';
  /** As the caller gave it. */
  readonly host: string;
  /** What it is, or resolves to. */
  readonly address: string;
  readonly reason: RefusalReason;
  /** What a person can do about it. */
  readonly advice: string;

  constructor({ host, address, reason }: { host: string; address: string; reason: RefusalReason }) {
    super(`${host === address ? host : `${host} (${address})`} is ${IN_WORDS[reason]} and may not be reached`);
    this.host = host;
    this.address = address;
    this.reason = reason;
    this.advice = adviceFor(reason, address);
  }
}

function adviceFor(reason: RefusalReason, address: string): string {
  switch (reason) {
    case 'loopback':
    case 'private':
      return `If this destination is meant, add ${address}, its host name or ${reason} to EGRESS_ALLOW.`;
    case 'reserved':
      return `If this destination is meant, add ${address} or its host name to EGRESS_ALLOW.`;
    case 'unspecified':
    case 'link_local':
    case 'metadata':
    case 'multicast':
    case 'broadcast':
      return 'Addresses of this kind are never reached, whatever EGRESS_ALLOW says. Use the address of the service itself.';
    default: {
      const never: never = reason;
      return never;
    }
  }
}
