import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';

/** A certificate as a server showed it. Times are RFC 3339. */
export interface CertificateDetail {
  subject: string;
  issuer: string;
  /** DNS names and addresses it is good for. */
  names: string[];
  valid_from: string;
  valid_to: string;
  /** Whole days until it expires; negative when it has. */
  days_left: number;
  serial_number: string;
  /** SHA-256. */
  fingerprint: string;
}

export interface TlsDetail {
  /** `TLSv1.3`. */
  tls_version: string | null;
  cipher: string;
  /** null when none was agreed. */
  alpn_protocol: string | null;
  /** Name sent for SNI; null when it was an address. */
  server_name: string | null;
  /** Whether chain and name hold, also when they were not asked to. */
  trusted: boolean;
  /** What the check of chain and name has found: OpenSSL's name for it, or Node's; null when they hold. */
  chain_fault: string | null;
  certificate: CertificateDetail | null;
  /** Above the certificate, as far as it was sent or is known here. */
  issuers: CertificateDetail[];
}

const DAY_MS = 86_400_000;
const LONGEST_CHAIN = 10;

/** What TLS agreed on and whom the server claims to be. The handshake must be through. */
export function describeTls(socket: TLSSocket, now: Date): TlsDetail {
  const chain = chainOf(socket);
  const [certificate, ...issuers] = chain.map((link) => describeCertificate(link, now));
  const fault: unknown = socket.authorizationError;
  return {
    tls_version: socket.getProtocol(),
    cipher: socket.getCipher().standardName,
    alpn_protocol: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : null,
    server_name: 'servername' in socket && typeof socket.servername === 'string' ? socket.servername : null,
    trusted: socket.authorized,
    // Typed as an Error, and yet the code of one.
    chain_fault: socket.authorized ? null : String(fault),
    certificate: certificate ?? null,
    issuers,
  };
}

export function describeCertificate(certificate: X509Certificate, now: Date): CertificateDetail {
  const validTo = new Date(certificate.validTo);
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: namesOf(certificate.subjectAltName),
    valid_from: new Date(certificate.validFrom).toISOString(),
    valid_to: validTo.toISOString(),
    days_left: Math.floor((validTo.getTime() - now.getTime()) / DAY_MS),
    serial_number: certificate.serialNumber,
    fingerprint: certificate.fingerprint256,
  };
}

/** From the server's own upwards. `X509Certificate` of the peer doesn't lead to its issuers, the older form does. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let link: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // `{}` when there is none; a root is its own issuer.
  while (link?.raw && chain.length < LONGEST_CHAIN) {
    const certificate = new X509Certificate(link.raw);
    if (chain.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)) break;
    chain.push(certificate);
    link = link.issuerCertificate;
  }
  return chain;
}

/** `DNS:a.example, IP Address:10.0.0.1` → names; a name with a comma comes in JSON quotes and stays as it is. */
const namesOf = (subjectAltName: string | undefined): string[] =>
  (subjectAltName ?? '')
    .split(', ')
    .filter((entry) => entry !== '')
    .map((entry) => entry.replace(/^(DNS|IP Address):/, ''));

const oneLine = (name: string): string => (name ?? '').split('\n').join(', ');
