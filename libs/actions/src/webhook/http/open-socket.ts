import { isIP, connect as connectTcp, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import type { TlsIdentity } from '../../tls-identity';

/** What is needed of the egress policy. */
export type EgressGuard = Pick<EgressPolicy, 'lookup' | 'checkLiteral'>;

export interface SocketOptions {
  origin: string;
  tls: TlsIdentity | null;
  egress: EgressGuard;
  /** Gets what is read; the buffer belongs to the caller. */
  onread: OnReadOpts;
  /** Of an earlier TLS connection to there. */
  tls_session: Buffer | null;
  onTlsSession: (session: Buffer) => void;
  /** The connection is there, TLS included. */
  onOpen: () => void;
}

const PROBE_AFTER_MS = 60_000;

/** Begins to connect. @throws EgressRefusedError for a literal address; for a name it comes as an `error` event. */
export function openSocket(options: SocketOptions): Socket {
  const { egress, onread, tls } = options;
  const url = new URL(options.origin);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // Literals are never looked up.
  egress.checkLiteral(host);
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  const where = { host, port, lookup: egress.lookup, onread };
  const socket = isTls
    ? connectTls({
        ...where,
        // A server name is a name, never an address (RFC 6066, 3). The certificate is checked against `host` then.
        servername: isIP(host) === 0 ? host : '',
        ALPNProtocols: ['http/1.1'],
        ...(options.tls_session === null ? {} : { session: options.tls_session }),
        ...(tls?.ca ? { ca: tls.ca } : {}),
        ...(tls?.cert ? { cert: tls.cert } : {}),
        ...(tls?.key ? { key: tls.key } : {}),
        ...(tls?.passphrase ? { passphrase: tls.passphrase } : {}),
      }).on('session', options.onTlsSession)
    : connectTcp(where);
  socket.once('connect', () => {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, PROBE_AFTER_MS);
  });
  socket.once(isTls ? 'secureConnect' : 'connect', options.onOpen);
  return socket;
}
