import type { BrokerConnection, TestStage } from '@cortex-mqtt/contracts';

/** What is known about a connection when it fails; makes the words precise. */
export interface FailureContext {
  broker: Pick<
    BrokerConnection,
    | 'host'
    | 'port'
    | 'transport'
    | 'proxy_url'
    | 'proxy_username'
    | 'verify_cert'
    | 'server_name'
    | 'ca_cert'
    | 'client_cert'
  >;
  /** Topics or filters the failure is about. */
  topics?: string[];
  /** Names the certificate is good for, as the server showed it. */
  certificate_names?: string[];
  /** Issuer of the certificate that could not be followed further up. */
  certificate_issuer?: string | null;
  /** RFC 3339, of the certificate at fault. */
  valid_from?: string | null;
  valid_to?: string | null;
  client_id?: string | null;
  /** Bytes that the server had sent when the TLS handshake failed, where that is known. */
  tls_bytes_received?: number;
  /** The TLS handshake had been through when it failed. */
  tls_established?: boolean;
  /** What asking the port in other ways has shown. */
  port_speaks?: PortSpeaks | null;
}

/** What a port was found to speak, other than what was expected of it. */
export type PortSpeaks = 'mqtt' | 'mqtt-tls' | 'http' | 'https' | 'websocket' | 'websocket-tls';

/**
 * How it failed. An `Error` is one of Node, ws or mqtt.js (whose `code` may be a reason code).
 * `closed`: the other side ended the connection without a word. `timeout`: it said nothing in time.
 */
export type ConnectionFailure =
  | Error
  | { kind: 'closed' }
  | { kind: 'timeout' }
  /** A shared subscription was granted, and nothing came by it. */
  | { kind: 'shared_ignored' }
  | {
      kind: 'reason';
      packet: 'connack' | 'disconnect' | 'suback' | 'puback' | 'pubrec';
      /** Reason code of MQTT 5, or return code of a 3.1.1 CONNACK (1–5). */
      reason_code: number;
      reason_string?: string | null;
      /** Another server the broker names (MQTT 5, 3.2.2.3.16). */
      server_reference?: string | null;
    };

/** Words for a failure, before the stage is put to it. `stage` only where it isn't the one that was asked about. */
export interface Finding {
  code: string;
  cause: string;
  advice: string;
  stage?: TestStage;
}
