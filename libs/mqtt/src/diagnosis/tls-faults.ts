import { isIP } from 'node:net';
import type { FailureContext, Finding } from './failure';

/** A fault of TLS itself or of a certificate; null when the error is about something else. */
export function diagnoseTlsError(error: Error, context: FailureContext): Finding | null {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const finding = ofCertificate(code, context) ?? ofAlert(code, context);
  return finding === null ? null : { stage: 'tls', ...finding };
}

/** A fault that verifying the server's chain has found, by OpenSSL's name for it (X509_V_ERR_…) or Node's. */
export function ofCertificate(code: string, context: FailureContext): Finding | null {
  const { broker } = context;
  const name = broker.server_name ?? broker.host;
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return {
        code: 'CERTIFICATE_SELF_SIGNED',
        cause: 'The certificate of the broker is self-signed, so no authority confirms it.',
        advice:
          'Put this certificate into "CA certificate" of the broker settings if you trust it, or give the broker one from a CA. Turning verification off would accept any server.',
      };
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return {
        code: 'CERTIFICATE_UNKNOWN_CA',
        cause: `The certificate of the broker is signed by ${context.certificate_issuer ? `"${context.certificate_issuer}"` : 'a CA'}, which is not known here.`,
        advice: broker.ca_cert
          ? 'The CA certificate in the broker settings is not the one that signed it: enter the right one, or have the broker send its intermediate certificates too.'
          : 'Enter the CA certificate (PEM) of the broker in its settings. If the CA is a public one, the broker leaves out an intermediate certificate.',
      };
    case 'CERT_HAS_EXPIRED':
      return {
        code: 'CERTIFICATE_EXPIRED',
        cause: `The certificate of the broker has expired${when('on', context.valid_to)}.`,
        advice:
          'Renew the certificate on the broker. If it is new already, the broker has to be restarted or reloaded.',
      };
    case 'CERT_NOT_YET_VALID':
      return {
        code: 'CERTIFICATE_NOT_YET_VALID',
        cause: `The certificate of the broker is not valid yet${when('; it begins on', context.valid_from)}.`,
        advice:
          'Check the clocks of this machine and of the certificate’s issuer; otherwise wait, or reissue the certificate.',
      };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return {
        code: 'CERTIFICATE_NAME_MISMATCH',
        cause: `The certificate of the broker is not for "${name}"${namesOf(context.certificate_names)}.`,
        advice:
          'Use a host name that is in the certificate, or set "server name" to one of its names if the broker is reached by another.',
      };
    case 'INVALID_PURPOSE':
    case 'INVALID_CA':
    case 'PATH_LENGTH_EXCEEDED':
    case 'CERT_CHAIN_TOO_LONG':
    case 'CERT_SIGNATURE_FAILURE':
    case 'CERT_UNTRUSTED':
    case 'CERT_REJECTED':
    case 'CA_MD_TOO_WEAK':
    case 'EE_KEY_TOO_SMALL':
    case 'CA_KEY_TOO_SMALL':
      return {
        code: 'CERTIFICATE_INVALID',
        cause: `The certificate chain of the broker is not valid (${code}).`,
        advice: 'Reissue the certificate with a valid chain: server purpose, strong keys, correct issuer.',
      };
    default:
      return null;
  }
}

/** What TLS itself tells, ours and by alert (RFC 8446, 6.2). */
function ofAlert(code: string, context: FailureContext): Finding | null {
  const hasClientCertificate = context.broker.client_cert !== null;
  switch (code) {
    case 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED':
    case 'ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED':
      return clientCertificateRequired;
    case 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE':
    case 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE':
      // TLS 1.2 has no alert of its own for a missing client certificate.
      if (hasClientCertificate) {
        return {
          code: 'TLS_HANDSHAKE_REFUSED',
          cause:
            'The broker broke off the TLS handshake: it accepts none of the versions or ciphers, or not the client certificate.',
          advice:
            'Check the TLS versions and ciphers the broker allows, and the client certificate. Its log names the reason.',
        };
      }
      if (sentNoName(context) && (context.tls_bytes_received ?? Infinity) < LONGEST_ALERT_BYTES)
        return serverNameMissing(context);
      return {
        ...clientCertificateRequired,
        cause: 'The broker broke off the TLS handshake; most likely it wants a client certificate, and there is none.',
        advice: sentNoName(context)
          ? 'Enter the client certificate and key in the broker settings. If it wants none, set "server name" to its host name: to an address none is sent. Else check its TLS versions and ciphers.'
          : 'Enter the client certificate and key in the broker settings. If it wants none, check its TLS versions and ciphers.',
      };
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN':
    case 'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE':
    case 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED':
    case 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR':
    case 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN':
      if (!hasClientCertificate) return clientCertificateRequired;
      return {
        code: 'CLIENT_CERTIFICATE_REFUSED',
        cause: 'The broker does not accept the client certificate, for instance because another CA signed it.',
        advice: 'Enter a client certificate that is signed by the CA the broker trusts, with its intermediates.',
      };
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED':
    case 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED':
      return {
        code: 'CLIENT_CERTIFICATE_EXPIRED',
        cause: 'The broker refuses the client certificate because it has expired.',
        advice: 'Issue a new client certificate and enter it in the broker settings.',
      };
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED':
      return {
        code: 'CLIENT_CERTIFICATE_REVOKED',
        cause: 'The broker refuses the client certificate because it has been revoked.',
        advice: 'Issue a new client certificate and enter it in the broker settings.',
      };
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL_VERSION':
    case 'ERR_SSL_INVALID_PROTOCOL_VERSION':
    case 'ERR_SSL_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED':
      return {
        code: 'TLS_VERSION_REFUSED',
        cause: 'Broker and client have no TLS version in common; this client supports TLS 1.2 and 1.3.',
        advice: 'Turn on TLS 1.2 or newer in the broker.',
      };
    case 'ERR_SSL_NO_CIPHERS_AVAILABLE':
    case 'ERR_SSL_NO_SHARED_CIPHER':
    case 'ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY':
    case 'ERR_SSL_DH_KEY_TOO_SMALL':
      return {
        code: 'TLS_NO_COMMON_CIPHER',
        cause: 'Broker and client have no cipher in common that is strong enough.',
        advice: 'Update the TLS settings of the broker.',
      };
    case 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME':
    case 'ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME':
      return {
        code: 'TLS_NAME_UNKNOWN',
        cause: sentNoName(context)
          ? `The server wants a server name (SNI), and to an address (${context.broker.host}) none is sent.`
          : `The server does not know the name "${context.broker.server_name ?? context.broker.host}".`,
        advice: 'Set "server name" to the one this server serves.',
      };
    case 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL':
    case 'ERR_SSL_NO_APPLICATION_PROTOCOL':
      return {
        code: 'ALPN_REFUSED',
        cause: 'The server accepts none of the ALPN protocols it was offered.',
        advice: 'Set the ALPN protocol that the broker asks for ("mqtt", or the one its manual names), or none.',
      };
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_HTTP_REQUEST':
    case 'ERR_SSL_UNKNOWN_PROTOCOL':
      return {
        code: 'PLAIN_EXPECTED',
        cause: `Port ${context.broker.port} does not speak TLS.`,
        advice: 'Turn TLS off for this port, or use the TLS port of the broker (8883 is usual).',
      };
    case 'ERR_OSSL_PEM_NO_START_LINE':
    case 'ERR_OSSL_PEM_BAD_END_LINE':
    case 'ERR_OSSL_PEM_BAD_BASE64_DECODE':
    case 'ERR_OSSL_UNSUPPORTED':
    case 'ERR_OSSL_X509_KEY_VALUES_MISMATCH':
    case 'ERR_OSSL_KEY_VALUES_MISMATCH':
    case 'ERR_OSSL_BAD_DECRYPT':
    case 'ERR_OSSL_EVP_UNSUPPORTED':
    case 'ERR_CRYPTO_UNSUPPORTED_OPERATION':
    case 'ERR_TLS_INVALID_CONTEXT':
      return {
        code: 'CERTIFICATE_SETTINGS_INVALID',
        cause: `The certificates or the key in the broker settings cannot be used (${code}).`,
        advice:
          'Enter PEM texts; the private key must belong to the client certificate, and its pass phrase must open it.',
      };
    default:
      if (!code.startsWith('ERR_SSL_')) return null;
      return {
        code: 'TLS_FAILED',
        cause: `TLS failed (${code}).`,
        advice: 'Check the broker’s log, its TLS settings and the certificates.',
      };
  }
}

/** A server that wants a certificate has sent its own before; one that misses a name answers the hello with an alert only. */
const LONGEST_ALERT_BYTES = 64;

/** An address is never sent as a name (RFC 6066, 3). */
const sentNoName = ({ broker }: FailureContext): boolean => broker.server_name === null && isIP(broker.host) !== 0;

function serverNameMissing({ broker }: FailureContext): Finding {
  return {
    code: 'SERVER_NAME_MISSING',
    cause: `The server broke off the TLS handshake. The host is an address (${broker.host}), so no server name (SNI) was sent, and it may need one to choose its certificate.`,
    advice: 'Set "server name" in the broker settings to the host name of the broker.',
  };
}

const clientCertificateRequired: Finding = {
  code: 'CLIENT_CERTIFICATE_REQUIRED',
  cause: 'The broker wants a client certificate, and there is none in the settings.',
  advice: 'Enter the client certificate and its key in the broker settings.',
};

const when = (word: string, at: string | null | undefined): string => (at ? ` ${word} ${at}`.replace(' ;', ';') : '');

function namesOf(names: string[] | undefined): string {
  if (!names || names.length === 0) return '';
  const shown = names.slice(0, 5).join(', ');
  return ` but for ${shown}${names.length > 5 ? `, and ${names.length - 5} more` : ''}`;
}
