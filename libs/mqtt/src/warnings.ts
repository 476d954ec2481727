import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { isNativeError } from 'node:util/types';
import type { BrokerConnection, QoS } from '@cortex-mqtt/contracts';
import type { ConnackDetail } from './probe/connack-detail';
import { type CertificateDetail, describeCertificate, type TlsDetail } from './probe/tls-detail';
import { isEncrypted } from './transport';

/** Works today and won't tomorrow, or is unsafe. `code` is stable. */
export interface ConnectionWarning {
  code: string;
  message: string;
}

/** What is known of a connection; each part may be missing. */
export interface ConnectionFacts {
  broker: BrokerConnection;
  now: Date;
  tls?: TlsDetail | null;
  connack?: ConnackDetail | null;
  filters?: { filter: string; requested_qos: QoS; granted_qos: QoS | null }[];
  /** Session Expiry Interval that CONNECT asked for; default the broker's setting. */
  asked_session_expiry_s?: number;
  /** Server's clock minus ours, seconds, where the server told its time. */
  clock_skew_s?: number | null;
  /** Values of `$SYS` topics. */
  sys?: Readonly<Record<string, string>>;
}

const EXPIRY_STEPS_DAYS = [1, 7, 30];
/** Signed webhooks tolerate five minutes at most; certificates and tokens less. */
const TOLERATED_SKEW_S = 60;

/** Everything to warn of before it fails. The same for a test and for a live connection. */
export function connectionWarnings(facts: ConnectionFacts): ConnectionWarning[] {
  return [
    ...serverCertificate(facts),
    ...clientCertificate(facts),
    ...plainPassword(facts.broker),
    ...ofConnack(facts),
    ...loweredQos(facts),
    ...clockSkew(facts),
    ...drops(facts.sys ?? {}),
  ];
}

function drops(sys: Readonly<Record<string, string>>): ConnectionWarning[] {
  const dropped = droppedMessages(sys);
  return dropped === null || dropped === 0 ? [] : [droppedMessagesWarning(dropped)];
}

function serverCertificate({ broker, tls }: ConnectionFacts): ConnectionWarning[] {
  if (!tls) return [];
  const warnings = [tls.certificate, ...tls.issuers].flatMap((certificate, index) =>
    certificate
      ? expiry('SERVER', index === 0 ? 'The certificate of the broker' : 'A CA certificate of the broker', certificate)
      : [],
  );
  if (!broker.verify_cert) {
    const found = tls.chain_fault === null ? '' : ` Verified, it would be refused: ${tls.chain_fault}.`;
    warnings.push({
      code: 'CERTIFICATE_NOT_VERIFIED',
      message: `The certificate of the broker is not verified, so anyone in between can pose as the broker.${found}`,
    });
  }
  // One warning a code: the leaf's comes first.
  return warnings.filter(({ code }, index) => warnings.findIndex((other) => other.code === code) === index);
}

function clientCertificate({ broker, now }: ConnectionFacts): ConnectionWarning[] {
  if (broker.client_cert === null || !isEncrypted(broker.transport)) return [];
  try {
    return expiry(
      'CLIENT',
      'The client certificate',
      describeCertificate(new X509Certificate(broker.client_cert), now),
    );
  } catch (error) {
    const reason = isNativeError(error) ? error.message : String(error);
    return [{ code: 'CLIENT_CERTIFICATE_UNREADABLE', message: `The client certificate cannot be read: ${reason}` }];
  }
}

function expiry(side: 'SERVER' | 'CLIENT', what: string, certificate: CertificateDetail): ConnectionWarning[] {
  const { days_left, valid_to, subject } = certificate;
  if (days_left < 0) {
    return [{ code: `${side}_CERTIFICATE_EXPIRED`, message: `${what} (${subject}) expired on ${valid_to}.` }];
  }
  const step = EXPIRY_STEPS_DAYS.find((days) => days_left < days);
  if (step === undefined) return [];
  const left = days_left === 0 ? 'in less than a day' : `in ${days_left} ${days_left === 1 ? 'day' : 'days'}`;
  return [
    {
      code: `${side}_CERTIFICATE_EXPIRES_WITHIN_${step}_${step === 1 ? 'DAY' : 'DAYS'}`,
      message: `${what} (${subject}) expires ${left}, on ${valid_to}.`,
    },
  ];
}

function plainPassword(broker: BrokerConnection): ConnectionWarning[] {
  if (broker.password === null || isEncrypted(broker.transport) || isLoopback(broker.host)) return [];
  return [
    {
      code: 'PASSWORD_WITHOUT_TLS',
      message: 'User name, password and every message travel unencrypted: turn TLS on.',
    },
  ];
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

function ofConnack({ broker, connack, asked_session_expiry_s }: ConnectionFacts): ConnectionWarning[] {
  if (!connack) return [];
  const warnings: ConnectionWarning[] = [];
  if (broker.protocol_version === 5 && connack.protocol_version !== '5.0') {
    warnings.push({
      code: 'PROTOCOL_FALLBACK',
      message: `The broker does not speak MQTT 5; the connection falls back to ${connack.protocol_version}, without reason codes and user properties.`,
    });
  }
  const kept_s = connack.session_expiry_s;
  const asked_s = asked_session_expiry_s ?? broker.session_expiry_s;
  if (kept_s !== null && !broker.clean_session && kept_s < asked_s) {
    warnings.push({
      code: 'SESSION_EXPIRY_SHORTENED',
      message: `The broker keeps the session for ${kept_s} s only, not ${asked_s} s: after a longer outage messages are lost.`,
    });
  }
  if (connack.maximum_packet_size !== null && connack.maximum_packet_size < 65_536) {
    warnings.push({
      code: 'SMALL_PACKET_LIMIT',
      message: `The broker takes packets of ${connack.maximum_packet_size} bytes at most.`,
    });
  }
  return warnings;
}

function loweredQos({ filters }: ConnectionFacts): ConnectionWarning[] {
  const lowered = (filters ?? []).filter(
    ({ requested_qos, granted_qos }) => granted_qos !== null && granted_qos < requested_qos,
  );
  const [first] = lowered;
  if (!first) return [];
  const more = lowered.length > 1 ? ` and ${lowered.length - 1} more` : '';
  return [
    {
      code: 'QOS_LOWERED',
      message: `The broker grants QoS ${first.granted_qos} instead of ${first.requested_qos} for "${first.filter}"${more}.`,
    },
  ];
}

function clockSkew({ clock_skew_s }: ConnectionFacts): ConnectionWarning[] {
  if (clock_skew_s == null || Math.abs(clock_skew_s) <= TOLERATED_SKEW_S) return [];
  const direction = clock_skew_s > 0 ? 'behind' : 'ahead of';
  return [
    {
      code: 'CLOCK_SKEW',
      message: `The clock here is ${Math.round(Math.abs(clock_skew_s))} s ${direction} that of the server: check time synchronisation on both.`,
    },
  ];
}

/** What the broker has dropped since it started because a queue or a window was full; null where `$SYS` doesn't tell. */
export function droppedMessages(sys: Readonly<Record<string, string>>): number | null {
  // Mosquitto's; others that publish this topic mean the same.
  const value = sys['$SYS/broker/publish/messages/dropped'];
  const dropped = Number(value);
  return value === undefined || !Number.isSafeInteger(dropped) ? null : dropped;
}

export function droppedMessagesWarning(dropped: number): ConnectionWarning {
  return {
    code: 'BROKER_DROPS_MESSAGES',
    message: `The broker has dropped ${dropped} messages because a client's queue was full: raise its limits (Mosquitto: max_queued_messages, 1,000 by default).`,
  };
}
