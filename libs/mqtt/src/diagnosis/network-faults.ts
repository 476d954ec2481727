import { isIP } from 'node:net';
import { isNativeError } from 'node:util/types';
import type { TestStage, Transport } from '@cortex-mqtt/contracts';
import { EgressRefusedError } from '@cortex-mqtt/egress';
import { isEncrypted, isWebsocket } from '../transport';
import type { FailureContext, Finding, PortSpeaks } from './failure';

export type NetworkFailure = Error | { kind: 'closed' } | { kind: 'timeout' };

/** Faults of names, sockets, websockets, and of a server that says nothing or something that isn't MQTT. */
export function diagnoseNetworkError(stage: TestStage, failure: NetworkFailure, context: FailureContext): Finding {
  if (context.port_speaks != null) return wrongPort(context.port_speaks, context);
  if (!isNativeError(failure)) return failure.kind === 'timeout' ? timedOut(stage, context) : closed(stage, context);
  const where = `${context.broker.host} port ${context.broker.port}`;
  const code = codeOf(failure);
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
      return {
        stage: 'dns',
        code: 'HOST_UNKNOWN',
        cause: `The name "${context.broker.host}" is unknown to DNS.`,
        advice: 'Check the spelling of the host, and whether the name is known in the network this runs in.',
      };
    case 'EAI_AGAIN':
    case 'ESERVFAIL':
    case 'ETIMEOUT':
    case 'EAI_FAIL':
      return {
        stage: 'dns',
        code: 'DNS_UNAVAILABLE',
        cause: `The DNS server gives no answer for "${context.broker.host}".`,
        advice: 'Check the DNS settings and the network of the machine this runs on; try again.',
      };
    case 'EGRESS_REFUSED':
      return {
        code: 'EGRESS_REFUSED',
        cause: `Connections to ${where} are not allowed from here: ${failure.message}.`,
        advice: failure instanceof EgressRefusedError ? failure.advice : 'Have the operator add it to EGRESS_ALLOW.',
      };
    case 'ABORT_ERR':
      return { code: 'CANCELLED', cause: 'The test was cancelled.', advice: 'Start it again.' };
    case 'ECONNREFUSED':
      return {
        stage: 'tcp',
        code: 'CONNECTION_REFUSED',
        cause: `The machine is there, but nothing listens at ${where}.`,
        advice:
          'Check the port, whether the broker runs, and whether it listens on this address and not only on its own localhost.',
      };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
    case 'EHOSTDOWN':
      return {
        stage: 'tcp',
        code: 'HOST_UNREACHABLE',
        cause: `There is no way through the network to ${where}.`,
        advice:
          'Check routes, VPN and firewalls between here and the broker; an IPv6 address needs IPv6 on both sides.',
      };
    case 'EACCES':
    case 'EPERM':
      return {
        stage: 'tcp',
        code: 'CONNECTION_FORBIDDEN',
        cause: `A firewall on this machine forbids connections to ${where}.`,
        advice: 'Allow it in the firewall or network policy of the machine or container this runs in.',
      };
    case 'ETIMEDOUT':
      return timedOut(stage, context);
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
      return closed(stage, context);
    case 'WEBSOCKET_STATUS':
      return upgradeRefused(failure, context);
    default:
      return ofMessage(stage, failure, context);
  }
}

function timedOut(stage: TestStage, context: FailureContext): Finding {
  const where = `${context.broker.host} port ${context.broker.port}`;
  switch (stage) {
    case 'dns':
      return {
        code: 'DNS_TIMEOUT',
        cause: `DNS gave no answer for "${context.broker.host}" in time.`,
        advice: 'Check the DNS settings and the network of the machine this runs on.',
      };
    case 'tcp':
      return {
        code: 'CONNECTION_FILTERED',
        cause: `No answer at all from ${where}: most likely a firewall drops the packets, or the address is wrong.`,
        advice: 'Check the address, and the firewalls and security groups between here and the broker for this port.',
      };
    case 'proxy':
      return {
        code: 'PROXY_TIMEOUT',
        cause: `The proxy does not answer the request for a tunnel to ${where}.`,
        advice: 'Check whether it is an HTTP proxy, and whether it can reach the broker.',
      };
    case 'tls':
      return {
        code: 'TLS_TIMEOUT',
        cause: `${where} takes the connection but does not answer the TLS handshake.`,
        advice: 'Check whether this port speaks TLS, and whether the broker hangs.',
      };
    case 'websocket':
      return {
        code: 'WEBSOCKET_TIMEOUT',
        cause: `${where} takes the connection but does not answer the websocket upgrade.`,
        advice: 'Check whether this is the websocket port of the broker, and its path.',
      };
    case 'connect':
      return {
        code: 'NO_CONNACK',
        cause: `${where} takes the connection but does not answer the CONNECT packet.`,
        advice: 'Check whether this port is that of an MQTT broker, and whether the broker is overloaded or hangs.',
      };
    case 'subscribe':
      return {
        code: 'NO_SUBACK',
        cause: 'The broker accepted the client but does not answer its SUBSCRIBE.',
        advice: 'Check the load and the log of the broker.',
      };
    case 'roundtrip':
      return {
        code: 'ROUNDTRIP_NOT_RECEIVED',
        cause: `A message published to ${topicOf(context)} did not come back in time.`,
        advice:
          'Most likely this user may not write or not read the topic, and the broker does not say so: check its access rules.',
      };
  }
}

function closed(stage: TestStage, context: FailureContext): Finding {
  const { broker } = context;
  switch (stage) {
    case 'dns':
    case 'tcp':
      return {
        stage: 'tcp',
        code: 'CONNECTION_RESET',
        cause: 'The connection was reset immediately after it opened.',
        advice: 'Check for a firewall or load balancer in between, and whether the broker behind it is running.',
      };
    case 'proxy':
      return {
        code: 'PROXY_CLOSED',
        cause: 'The proxy ended the connection instead of opening a tunnel.',
        advice: 'Check whether it is an HTTP proxy; its log has the reason.',
      };
    case 'tls':
      if (context.tls_established) return closedAfterHandshake(context);
      return {
        code: 'TLS_CLOSED',
        cause: `The server ended the connection during the TLS handshake; most likely port ${broker.port} does not speak TLS.`,
        advice: 'Turn TLS off for this port, or use the TLS port of the broker (8883 is usual).',
      };
    case 'websocket':
      return {
        code: 'WEBSOCKET_CLOSED',
        cause: `The server ended the connection during the websocket upgrade; most likely port ${broker.port} is not the websocket port.`,
        advice: 'Use the websocket port of the broker, or choose the transport tcp or tls for this port.',
      };
    case 'connect':
      return {
        code: 'CLOSED_WITHOUT_CONNACK',
        cause: 'The server ended the connection without an answer to the CONNECT packet.',
        advice: isEncrypted(broker.transport)
          ? 'Look into the log of the broker: a client certificate, the address or the client id may be refused, or the port may not be MQTT.'
          : `Check whether port ${broker.port} wants TLS, and look into the log of the broker: the address or the client id may be refused.`,
      };
    case 'subscribe':
      return {
        code: 'CLOSED_AT_SUBSCRIBE',
        cause: `The broker ended the connection between SUBSCRIBE and SUBACK, at the subscription to ${topicOf(context)}.`,
        advice:
          'Most likely this user may not read a topic, or the broker limits the filters of one SUBSCRIBE or connection (the listener sends fewer at once after each such end): check its access rules, limits and log.',
      };
    case 'roundtrip':
      return {
        code: 'CLOSED_AT_PUBLISH',
        cause: `The broker ended the connection at the publish to ${topicOf(context)}.`,
        advice: 'Most likely this user may not write the topic: check the access rules and the log of the broker.',
      };
  }
}

/** A TLS 1.3 server judges the client's certificate last, and not every one says so by an alert. */
function closedAfterHandshake({ broker }: FailureContext): Finding {
  return broker.client_cert === null
    ? {
        code: 'CLOSED_AFTER_HANDSHAKE',
        cause:
          'The server ended the connection right after the TLS handshake; most likely it wants a client certificate.',
        advice: 'Enter the client certificate and its key in the broker settings, or look into the log of the broker.',
      }
    : {
        code: 'CLOSED_AFTER_HANDSHAKE',
        cause:
          'The server ended the connection right after the TLS handshake; most likely it does not accept the client certificate.',
        advice:
          'Check that the client certificate is valid and signed by a CA the broker trusts; its log has the reason.',
      };
}

const TRANSPORT_OF: Record<PortSpeaks, Transport | null> = {
  mqtt: 'tcp',
  'mqtt-tls': 'tls',
  websocket: 'ws',
  'websocket-tls': 'wss',
  http: null,
  https: null,
};

function wrongPort(speaks: PortSpeaks, context: FailureContext): Finding {
  const { broker } = context;
  const port = `Port ${broker.port}`;
  const found = TRANSPORT_OF[speaks];
  if (found === null) {
    return {
      code: 'HTTP_PORT',
      cause: `${port} is that of a web server${speaks === 'https' ? ' (HTTPS)' : ''}, not of an MQTT broker.`,
      advice: isWebsocket(broker.transport)
        ? 'Check host, port and path of the websocket.'
        : 'Use the MQTT port of the broker (1883, or 8883 with TLS), or a websocket transport with its path if the broker is behind this web server.',
    };
  }
  const isTls = isEncrypted(found);
  if (isTls !== isEncrypted(broker.transport)) {
    return isTls
      ? {
          code: 'TLS_EXPECTED',
          cause: `${port} speaks TLS, but TLS is off.`,
          advice: `Turn TLS on (transport ${found}), or use the port of the broker without TLS.`,
        }
      : {
          code: 'PLAIN_EXPECTED',
          cause: `${port} does not speak TLS, but TLS is on.`,
          advice: `Use the TLS port of the broker (8883 is usual). Turning TLS off (transport ${found}) works too, but then the password travels in the clear.`,
        };
  }
  return isWebsocket(found)
    ? {
        code: 'WEBSOCKET_EXPECTED',
        cause: `${port} is the websocket port of the broker.`,
        advice: `Choose the transport ${found} with the path of the broker (/mqtt is usual), or use its plain MQTT port.`,
      }
    : {
        code: 'NOT_A_WEBSOCKET_PORT',
        cause: `${port} speaks MQTT without a websocket.`,
        advice: `Choose the transport ${found} for this port, or use the websocket port of the broker.`,
      };
}

function upgradeRefused(error: Error, context: FailureContext): Finding {
  const status = 'http_status' in error && typeof error.http_status === 'number' ? error.http_status : 0;
  const advice =
    status === 401 || status === 403
      ? 'The web server in front wants a login or forbids this address: check its rules.'
      : status === 404
        ? 'Check the path of the websocket (/mqtt is usual; some brokers use /ws or /).'
        : status >= 300 && status < 400
          ? 'Set the address the server points to; redirects are not followed.'
          : status >= 500
            ? 'The web server in front cannot reach the broker behind it: look at both.'
            : 'Check host, port and path of the websocket.';
  return {
    stage: 'websocket',
    code: 'WEBSOCKET_REFUSED',
    cause: `The server refused the websocket upgrade with HTTP status ${status} at ${context.broker.host} port ${context.broker.port}.`,
    advice,
  };
}

/** Errors without a code: ws' and those of the packet parser. */
function ofMessage(stage: TestStage, error: Error, context: FailureContext): Finding {
  if (/subprotocol/i.test(error.message)) {
    return {
      stage: 'websocket',
      code: 'WEBSOCKET_NOT_MQTT',
      cause: 'The WebSocket does not offer the "mqtt" subprotocol.',
      advice: 'Check the path: this WebSocket belongs to something other than the broker.',
    };
  }
  if (codeOf(error).startsWith('HPE_')) {
    return {
      stage: 'websocket',
      code: 'WEBSOCKET_NOT_HTTP',
      cause: `Port ${context.broker.port} does not speak HTTP, so there is no websocket.`,
      advice: 'Use the websocket port of the broker, or choose the transport tcp or tls for this port.',
    };
  }
  if (/connack timeout/i.test(error.message)) return timedOut('connect', context);
  if (/keepalive timeout/i.test(error.message)) {
    return {
      code: 'CONNECTION_DEAD',
      cause: 'The broker stopped answering: the connection is dead although nothing closed it.',
      advice:
        'Look for a network that drops idle connections, and whether the broker hangs; a shorter keep-alive finds it sooner.',
    };
  }
  if (
    stage === 'connect' &&
    /header flag|not supported|invalid|malformed|cannot parse|unknown packet/i.test(error.message)
  ) {
    return {
      code: 'NOT_MQTT',
      cause: `What ${context.broker.host} port ${context.broker.port} answers is not MQTT.`,
      advice: `Check the port${isIP(context.broker.host) ? '' : ' and the host'}: another service listens there.`,
    };
  }
  return {
    code: 'UNKNOWN',
    cause: error.message === '' ? `The connection failed (${codeOf(error) || error.name}).` : error.message,
    advice: 'Check the logs of the broker and of this service.',
  };
}

function codeOf(error: Error): string {
  // `net.connect` to several addresses gives one error with all of them in it.
  if ('errors' in error && Array.isArray(error.errors)) return mostTelling(error.errors);
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Of the failures of several addresses, the one nearest to success. */
export function mostTelling(errors: unknown[]): string {
  const codes = errors.flatMap((error) =>
    isNativeError(error) && 'code' in error && typeof error.code === 'string' ? [error.code] : [],
  );
  const order = ['ECONNRESET', 'ECONNREFUSED', 'ETIMEDOUT', 'EACCES', 'EHOSTUNREACH', 'ENETUNREACH'];
  return order.find((code) => codes.includes(code)) ?? codes[0] ?? '';
}

const topicOf = (context: FailureContext): string =>
  context.topics && context.topics.length > 0 ? `"${context.topics[0]}"` : 'the topic';
