import type { ConnectionFailure, FailureContext, Finding } from './failure';
import { connectReturnCodeName, reasonCodeName } from './reason-codes';

type MqttReason = Extract<ConnectionFailure, { kind: 'reason' }>;

/** A refusal that the broker gave a code for (MQTT 5, 2.4; MQTT 3.1.1, 3.2.2.3). */
export function diagnoseMqttReason(reason: MqttReason, context: FailureContext): Finding {
  const isReturnCode = reason.packet === 'connack' && reason.reason_code < 0x80;
  const finding = isReturnCode ? ofReturnCode(reason.reason_code) : ofReasonCode(reason, context);
  const name = isReturnCode ? connectReturnCodeName(reason.reason_code) : reasonCodeName(reason.reason_code);
  const said = reason.reason_string ? ` The broker says: "${reason.reason_string}".` : '';
  return { ...finding, cause: `${finding.cause} [${PACKET_NAMES[reason.packet]}: ${name}]${said}` };
}

const PACKET_NAMES: Record<MqttReason['packet'], string> = {
  connack: 'CONNACK',
  disconnect: 'DISCONNECT',
  suback: 'SUBACK',
  puback: 'PUBACK',
  pubrec: 'PUBREC',
};

const BAD_CREDENTIALS: Finding = {
  code: 'BAD_CREDENTIALS',
  cause: 'The broker does not accept the user name or the password.',
  advice: 'Check user name and password; enter the password again, since the stored one cannot be read back.',
};
const NOT_AUTHORIZED_TO_CONNECT: Finding = {
  code: 'NOT_AUTHORIZED',
  cause: 'The broker refuses this client: its credentials are wrong, missing or not allowed from here.',
  advice:
    'Check user name and password (some brokers answer "not authorized" to a wrong password), and whether the broker allows this user, client id and address.',
};
const CLIENT_ID_REFUSED: Finding = {
  code: 'CLIENT_ID_REFUSED',
  cause: 'The broker does not accept the client id.',
  advice:
    'Set a client id of the form the broker wants (length, characters, a prefix it ties to the user). A connection test uses a random id, so that it never ends the live session: a broker that knows its clients by id refuses the test.',
};
const PROTOCOL_REFUSED: Finding = {
  code: 'PROTOCOL_VERSION_REFUSED',
  cause: 'The broker does not support the requested MQTT version.',
  advice: 'Set the other protocol version (5 or 3.1.1) in the broker settings, or update the broker.',
};
const UNAVAILABLE: Finding = {
  code: 'SERVER_UNAVAILABLE',
  cause: 'The broker is reachable, but accepts no clients at the moment.',
  advice: 'Wait and try again; if it lasts, look at the load and the log of the broker.',
};

function ofReturnCode(code: number): Finding {
  switch (code) {
    case 1:
      return PROTOCOL_REFUSED;
    case 2:
      return CLIENT_ID_REFUSED;
    case 3:
      return UNAVAILABLE;
    case 4:
      return BAD_CREDENTIALS;
    case 5:
      return NOT_AUTHORIZED_TO_CONNECT;
    default:
      return refused();
  }
}

const sharedNotSupported = (cause: string): Finding => ({
  code: 'SHARED_NOT_SUPPORTED',
  cause,
  advice: 'Turn shared subscriptions off and run one listener at a time, or use a broker that has them.',
});

/** The broker grants a shared subscription and brings nothing by it, while a plain one to the same topic works. */
export const SHARED_TAKEN_LITERALLY: Finding = sharedNotSupported(
  'The broker does not know shared subscriptions: it takes the filter "$share/…" for a topic of that name, grants it, and no message ever comes by it.',
);

function ofReasonCode(reason: MqttReason, context: FailureContext): Finding {
  const about = topicWords(context.topics);
  const elsewhere = reason.server_reference ? ` It names ${reason.server_reference}.` : '';
  switch (reason.reason_code) {
    case 0x81:
    case 0x82:
      return {
        code: 'PROTOCOL_ERROR',
        cause: 'The broker reports a malformed or unexpected packet.',
        advice: 'Try MQTT 3.1.1 instead of 5 in the broker settings, and look into the log of the broker.',
      };
    case 0x84:
      return PROTOCOL_REFUSED;
    case 0x85:
      return CLIENT_ID_REFUSED;
    case 0x86:
      return BAD_CREDENTIALS;
    case 0x80:
    case 0x87:
      if (reason.packet === 'suback') {
        return {
          code: 'NOT_AUTHORIZED_FOR_TOPIC',
          cause: `The broker refuses the subscription to ${about}.`,
          advice: `Allow this user to read ${about} in the access rules of the broker, or change the topic.`,
        };
      }
      if (reason.packet === 'puback' || reason.packet === 'pubrec') {
        return {
          code: 'NOT_AUTHORIZED_TO_PUBLISH',
          cause: `The broker does not let this user publish to ${about}.`,
          advice: `Allow this user to write ${about} in the access rules of the broker, or choose another topic.`,
        };
      }
      return reason.reason_code === 0x80 ? refused() : NOT_AUTHORIZED_TO_CONNECT;
    case 0x88:
      return UNAVAILABLE;
    case 0x89:
      return { ...UNAVAILABLE, code: 'SERVER_BUSY', cause: 'The broker is too busy to take the connection.' };
    case 0x8a:
      return {
        code: 'BANNED',
        cause: 'The broker has banned this client.',
        advice:
          'Have the administrator of the broker lift the ban; too many wrong passwords or too fast reconnects may have led to it.',
      };
    case 0x8b:
      return {
        code: 'SERVER_SHUTTING_DOWN',
        cause: 'The broker is shutting down.',
        advice: 'Nothing, if this is maintenance: the listener reconnects automatically.',
      };
    case 0x8c:
      return {
        code: 'BAD_AUTHENTICATION_METHOD',
        cause: 'The broker wants an authentication method other than user name and password.',
        advice: 'Give this user password or certificate authentication in the broker.',
      };
    case 0x8d:
      return {
        code: 'KEEP_ALIVE_TIMEOUT',
        cause:
          'The broker received nothing from this client for one and a half times the keep-alive and disconnected it.',
        advice: 'Look for a network that drops idle connections; a shorter keep-alive keeps them open.',
      };
    case 0x8e:
      return takenOver(context.client_id);
    case 0x8f:
      return {
        code: 'TOPIC_FILTER_INVALID',
        cause: `The broker does not accept the topic filter ${about}.`,
        advice: 'Check the topic against the limits of the broker (levels, length, characters, reserved names).',
      };
    case 0x90:
      return {
        code: 'TOPIC_NAME_INVALID',
        cause: `The broker does not accept the topic ${about}.`,
        advice: 'Check the topic against the limits of the broker (levels, length, characters, reserved names).',
      };
    case 0x95:
      return {
        code: 'PACKET_TOO_LARGE',
        cause: 'A packet was larger than the receiver allows.',
        advice: 'Raise the packet or message size limit of the broker, or subscribe to fewer topics at once.',
      };
    case 0x93:
    case 0x96:
    case 0x97:
    case 0x9f:
      return {
        code: 'QUOTA_EXCEEDED',
        cause: 'A limit of the broker on rate, connections or subscriptions is reached.',
        advice: 'Raise the limit for this user in the broker, or wait: some limits are per minute.',
      };
    case 0x98:
      return {
        code: 'ADMINISTRATIVE_ACTION',
        cause: 'An administrator, or a rule, of the broker ended the connection.',
        advice: 'Ask who runs the broker; its log has the reason.',
      };
    case 0x9a:
      return {
        code: 'RETAIN_NOT_SUPPORTED',
        cause: 'The broker does not support retained messages.',
        advice: 'Turn retain off in the last will.',
      };
    case 0x9b:
      return {
        code: 'QOS_NOT_SUPPORTED',
        cause: 'The broker does not support the requested QoS.',
        advice: 'Lower the QoS of the topics or of the last will.',
      };
    case 0x9c:
    case 0x9d:
      return {
        code: 'SERVER_MOVED',
        cause: `The broker sends its clients to another server.${elsewhere}`,
        advice: 'Set the host the broker names, or ask who runs it for the new one.',
      };
    case 0x9e:
      return sharedNotSupported('The broker does not support shared subscriptions.');
    case 0xa0:
      return {
        code: 'MAXIMUM_CONNECT_TIME',
        cause: 'The broker limits how long a connection may last, and that time is over.',
        advice: 'Nothing: the listener reconnects automatically.',
      };
    case 0xa1:
      return {
        code: 'SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED',
        cause: 'The broker does not support subscription identifiers.',
        advice: 'Nothing to set: matching then happens by topic. Report it if it lasts.',
      };
    case 0xa2:
      return {
        code: 'WILDCARDS_NOT_SUPPORTED',
        cause: `The broker does not support wildcards: ${about}.`,
        advice: 'Subscribe to topics without "+" and "#".',
      };
    default:
      return refused();
  }
}

const refused = (): Finding => ({
  code: 'REFUSED',
  cause: 'The broker refused without giving an exact reason.',
  advice: 'Check the broker’s log for this moment.',
});

/** Two clients with one id end each other's connection for ever (MQTT 5, 3.1.4). */
export function takenOver(client_id: string | null | undefined): Finding {
  const id = client_id ? ` "${client_id}"` : '';
  return {
    code: 'TAKEN_OVER',
    cause: `Another client connected with the same client id${id}, so the broker ended this connection.`,
    advice:
      'Find the other client (a second listener, a test tool, another environment) and give each its own client id.',
  };
}

function topicWords(topics: string[] | undefined): string {
  if (!topics || topics.length === 0) return 'the topic';
  const shown = topics.slice(0, 5).map((topic) => `"${topic}"`);
  const more = topics.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
