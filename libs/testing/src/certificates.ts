import 'reflect-metadata'; // @peculiar/x509 wants its polyfill before it is loaded.
import { randomBytes, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  AuthorityKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';
import { createTestDirectory } from './test-run';

/** A certificate and its key: as PEM text, and as PEM files for programs. */
export interface TestCertificate {
  /** With the intermediate certificates behind it, if any. */
  cert: string;
  key: string;
  certFile: string;
  keyFile: string;
  serialNumber: string;
  notBefore: Date;
  notAfter: Date;
}

export interface TestCertificateOptions {
  /** Default `localhost`. */
  commonName?: string;
  /** Subject alternative names; an IP literal becomes an IP name. Default `localhost`, `127.0.0.1`, `::1`; `[]` for none. */
  names?: string[];
  notBefore?: Date;
  notAfter?: Date;
  /** Signed by its own key instead of the CA's. */
  selfSigned?: boolean;
  /** Put an intermediate CA between; `unsent` leaves it out of `cert`, as a wrongly set up server does. */
  intermediate?: 'sent' | 'unsent';
}

export interface TestCertificateAuthority {
  /** PEM of the CA's own certificate. */
  cert: string;
  certFile: string;
  issueServer(options?: TestCertificateOptions): Promise<TestCertificate>;
  issueClient(options?: TestCertificateOptions): Promise<TestCertificate>;
  /** Path of a revocation list (PEM) with these certificates of the CA. */
  revoke(certificates: readonly TestCertificate[]): Promise<string>;
}

export interface TestCertificates {
  ca: TestCertificateAuthority;
  /** Signed by `ca`, for localhost, 127.0.0.1 and ::1, good for a year. */
  server: TestCertificate;
  selfSigned: TestCertificate;
  /** Ended yesterday. */
  expired: TestCertificate;
  /** Starts tomorrow. */
  notYetValid: TestCertificate;
  /** Signed by `ca`, for `other.example`. */
  wrongName: TestCertificate;
  /** Client certificate of `ca`, common name `listener`. */
  client: TestCertificate;
  /** A CA that nobody trusts, with a client certificate of it. */
  foreignCa: TestCertificateAuthority;
  foreignClient: TestCertificate;
}

const DAY_MS = 86_400_000;
const EC = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };

interface Issuer {
  certificate: X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}

let cached: Promise<TestCertificates> | undefined;

/** The usual certificates, made once per test file (some ten milliseconds). For others use `ca.issueServer(…)`. */
export function createTestCertificates(): Promise<TestCertificates> {
  cached ??= build();
  return cached;
}

async function build(): Promise<TestCertificates> {
  const now = Date.now();
  const [ca, foreignCa] = await Promise.all([
    createCertificateAuthority('Test CA'),
    createCertificateAuthority('Foreign CA'),
  ]);
  return {
    ca,
    foreignCa,
    server: await ca.issueServer(),
    selfSigned: await ca.issueServer({ selfSigned: true }),
    expired: await ca.issueServer({ notBefore: new Date(now - 30 * DAY_MS), notAfter: new Date(now - DAY_MS) }),
    notYetValid: await ca.issueServer({ notBefore: new Date(now + DAY_MS), notAfter: new Date(now + 30 * DAY_MS) }),
    wrongName: await ca.issueServer({ commonName: 'other.example', names: ['other.example'] }),
    client: await ca.issueClient({ commonName: 'listener' }),
    foreignClient: await foreignCa.issueClient({ commonName: 'intruder' }),
  };
}

/** A CA of one's own. Its files lie in the test run's folder. */
export async function createCertificateAuthority(commonName: string): Promise<TestCertificateAuthority> {
  const dir = createTestDirectory('certificates');
  const root = await createIssuer(commonName, null);
  const certFile = join(dir, 'ca.pem');
  const cert = pem(root.certificate);
  writeFileSync(certFile, cert);

  async function issue(usage: ExtendedKeyUsage, options: TestCertificateOptions): Promise<TestCertificate> {
    const keys = (await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
    const intermediate = options.intermediate ? await createIssuer(`${commonName} intermediate`, root) : null;
    const issuer = intermediate ?? root;
    const name = `CN=${options.commonName ?? 'localhost'}`;
    const names = options.names ?? ['localhost', '127.0.0.1', '::1'];
    const notBefore = options.notBefore ?? new Date(Date.now() - DAY_MS);
    const notAfter = options.notAfter ?? new Date(Date.now() + 365 * DAY_MS);
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: name,
      issuer: options.selfSigned ? name : issuer.certificate.subject,
      notBefore,
      notAfter,
      publicKey: keys.publicKey,
      signingKey: options.selfSigned ? keys.privateKey : issuer.keys.privateKey,
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([usage]),
        ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names.map(toGeneralName))] : []),
      ],
    });
    const chain = [certificate, ...(intermediate && options.intermediate === 'sent' ? [intermediate.certificate] : [])];
    const base = join(dir, serialNumber());
    const issued: TestCertificate = {
      cert: chain.map(pem).join(''),
      key: `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')}\n`,
      certFile: `${base}.pem`,
      keyFile: `${base}.key`,
      serialNumber: certificate.serialNumber,
      notBefore,
      notAfter,
    };
    writeFileSync(issued.certFile, issued.cert);
    writeFileSync(issued.keyFile, issued.key, { mode: 0o600 });
    return issued;
  }

  return {
    cert,
    certFile,
    issueServer: (options = {}) => issue(ExtendedKeyUsage.serverAuth, options),
    issueClient: (options = {}) => issue(ExtendedKeyUsage.clientAuth, options),
    async revoke(certificates) {
      const list = await X509CrlGenerator.create({
        issuer: root.certificate.subject,
        thisUpdate: new Date(Date.now() - DAY_MS),
        nextUpdate: new Date(Date.now() + DAY_MS),
        signingAlgorithm: SIGNING,
        signingKey: root.keys.privateKey,
        entries: certificates.map(({ serialNumber }) => ({
          serialNumber,
          revocationDate: new Date(Date.now() - DAY_MS),
        })),
      });
      const path = join(dir, `${serialNumber()}.crl`);
      writeFileSync(path, `${PemConverter.encode(list.rawData, 'X509 CRL')}\n`);
      return path;
    },
  };
}

async function createIssuer(commonName: string, parent: Issuer | null): Promise<Issuer> {
  const keys = (await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${commonName}`,
    issuer: parent?.certificate.subject ?? `CN=${commonName}`,
    // Older than anything issued below it, so that an "expired" test certificate is at fault and not its CA.
    notBefore: new Date(Date.now() - 3650 * DAY_MS),
    notAfter: new Date(Date.now() + 3650 * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: parent?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey, false),
      ...(parent ? [await AuthorityKeyIdentifierExtension.create(parent.keys.publicKey, false)] : []),
    ],
  });
  return { certificate, keys };
}

function toGeneralName(name: string): { type: 'ip' | 'dns'; value: string } {
  return { type: /^[\d.]+$|:/.test(name) ? 'ip' : 'dns', value: name };
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** Positive: the first bit of an ASN.1 integer is its sign. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}
