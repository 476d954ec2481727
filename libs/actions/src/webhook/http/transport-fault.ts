import { EgressRefusedError } from '@cortex-mqtt/egress';
import { ActionFault } from '../../action-fault';
import type { Phase } from './exchange';

/** The connection ended or never came to be, for a reason of ours to tell. */
export class ConnectionError extends Error {
  constructor(
    message: string,
    readonly code: 'CLOSED' | 'CONNECT_TIMEOUT',
  ) {
    super(message);
  }
}

/** An error of the network, TLS, the egress policy or the answer as the fault of an attempt. */
export function transportFault(error: Error, phase: Phase): ActionFault {
  if (error instanceof EgressRefusedError) {
    return new ActionFault(`${error.message}. ${error.advice}`, {
      permanent: true,
      detail: { code: 'EGRESS_REFUSED', phase },
      cause: error,
    });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'TRANSPORT';
  return new ActionFault(`${wordsOf(code)}: ${error.message}`, {
    permanent: false,
    detail: { code, phase },
    cause: error,
  });
}

function wordsOf(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name was not found';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'CLOSED':
      return 'the connection broke';
    case 'ETIMEDOUT':
    case 'CONNECT_TIMEOUT':
      return 'no connection in time';
    case 'BAD_ANSWER':
      return 'the answer can not be read';
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_HTTP_REQUEST':
    case 'ERR_SSL_UNKNOWN_PROTOCOL':
      return 'the other side does not speak TLS here: is the URL to begin with http://, or is the port another one?';
    default:
      return /^(?:CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)
        ? 'the certificate was not accepted'
        : 'the request failed';
  }
}
