/**
 * Every reason code of MQTT 5 by its name in the specification (table 2-6). 0x00 is called "Success" everywhere; as a DISCONNECT it
 * means "normal disconnection", in a SUBACK "granted QoS 0".
 */
export const REASON_CODE_NAMES: Readonly<Record<number, string>> = {
  0: 'Success',
  1: 'Granted QoS 1',
  2: 'Granted QoS 2',
  4: 'Disconnect with Will Message',
  16: 'No matching subscribers',
  17: 'No subscription existed',
  24: 'Continue authentication',
  25: 'Re-authenticate',
  128: 'Unspecified error',
  129: 'Malformed Packet',
  130: 'Protocol Error',
  131: 'Implementation specific error',
  132: 'Unsupported Protocol Version',
  133: 'Client Identifier not valid',
  134: 'Bad User Name or Password',
  135: 'Not authorized',
  136: 'Server unavailable',
  137: 'Server busy',
  138: 'Banned',
  139: 'Server shutting down',
  140: 'Bad authentication method',
  141: 'Keep Alive timeout',
  142: 'Session taken over',
  143: 'Topic Filter invalid',
  144: 'Topic Name invalid',
  145: 'Packet Identifier in use',
  146: 'Packet Identifier not found',
  147: 'Receive Maximum exceeded',
  148: 'Topic Alias invalid',
  149: 'Packet too large',
  150: 'Message rate too high',
  151: 'Quota exceeded',
  152: 'Administrative action',
  153: 'Payload format invalid',
  154: 'Retain not supported',
  155: 'QoS not supported',
  156: 'Use another server',
  157: 'Server moved',
  158: 'Shared Subscriptions not supported',
  159: 'Connection rate exceeded',
  160: 'Maximum connect time',
  161: 'Subscription Identifiers not supported',
  162: 'Wildcard Subscriptions not supported',
};

/** Return codes of a CONNACK of MQTT 3.1.1 (3.2.2.3). */
export const CONNECT_RETURN_CODE_NAMES: Readonly<Record<number, string>> = {
  0: 'Connection Accepted',
  1: 'Unacceptable protocol version',
  2: 'Identifier rejected',
  3: 'Server unavailable',
  4: 'Bad user name or password',
  5: 'Not authorized',
};

const hex = (code: number): string => `0x${code.toString(16).toUpperCase().padStart(2, '0')}`;

/** `Not authorized (0x87)`. */
export const reasonCodeName = (code: number): string => `${REASON_CODE_NAMES[code] ?? 'Unknown reason'} (${hex(code)})`;

/** `Not authorized (5)`. */
export const connectReturnCodeName = (code: number): string =>
  `${CONNECT_RETURN_CODE_NAMES[code] ?? 'Unknown return code'} (${code})`;

/** A refusal in a SUBACK in words, null when the code grants a QoS. MQTT 3.1.1 knows 0x80 only, "Failure" (3.9.3). */
export function subackRefusal(code: number, reason_string?: string): string | null {
  if (code < 0x80) return null;
  const name = code === 0x80 ? 'Refused (0x80)' : reasonCodeName(code);
  return reason_string ? `${name}: ${reason_string}` : name;
}
