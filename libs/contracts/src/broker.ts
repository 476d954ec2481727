/** How the bytes travel. `tls` and `wss` are encrypted; `ws` and `wss` use `path`. */
export const TRANSPORTS = ['tcp', 'tls', 'ws', 'wss'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** 5, or 4 for MQTT 3.1.1. With 5 the client falls back to 4 when the broker refuses it. */
export type ProtocolVersion = 4 | 5;
export type QoS = 0 | 1 | 2;

/** MQTT 5, 3.1.3.2. The message that the broker publishes for a client that vanished. */
export interface LastWill {
  topic: string;
  payload: string;
  qos: QoS;
  retain: boolean;
  /** Seconds the broker waits before it publishes (MQTT 5, 3.1.3.2.2). */
  delay_s: number;
}

/** One broker as a listener connects to it: plain values, secrets decrypted. Never logged, never in a job. */
export const CONNECTIONS = ['several', 'one'] as const;
export type Connections = (typeof CONNECTIONS)[number];

export interface BrokerConnection {
  /** Name of the broker in the ordered list of a product; `primary` is the row in `mqtt_configs`. */
  name: string;
  host: string;
  port: number;
  transport: Transport;
  /** Path of the websocket, `/mqtt` by default; null for tcp and tls. */
  path: string | null;
  /** HTTP proxy that a websocket is tunnelled through, `http://host:port`; null = none. Only for ws and wss. */
  proxy_url: string | null;
  /** Credentials for the proxy (Basic, RFC 7617); null = none. */
  proxy_username: string | null;
  proxy_password: string | null;
  verify_cert: boolean;
  username: string | null;
  password: string | null;
  /** null: derived from product and instance, stable across restarts. */
  client_id: string | null;
  /** Seconds, 0–65535; 0 turns it off (MQTT 5, 3.1.2.10). */
  keep_alive: number;
  clean_session: boolean;
  protocol_version: ProtocolVersion;
  /** Seconds the broker keeps the session after a disconnect (MQTT 5, 3.1.2.11.2). */
  session_expiry_s: number;
  connect_timeout_s: number;
  /** Server name for SNI and the certificate check; null = host. */
  server_name: string | null;
  alpn_protocols: string[];
  /** PEM bundles. */
  ca_cert: string | null;
  client_cert: string | null;
  client_key: string | null;
  /** Of an encrypted `client_key`. */
  client_key_passphrase: string | null;
  /** Unacknowledged PUBLISHes that the broker may send (MQTT 5, 3.1.2.11.3); null = not sent. */
  receive_maximum: number | null;
  /** User properties of CONNECT (MQTT 5, 3.1.2.11.8). */
  user_properties: Record<string, string>;
  last_will: LastWill | null;
  /**
   * `one`: nothing but the session connects to this broker, which would take any further connection for the same client. Absent: several.
   */
  connections?: Connections;
}
