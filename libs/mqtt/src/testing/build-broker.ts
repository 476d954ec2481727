import type { BrokerConnection } from '@cortex-mqtt/contracts';

/** A plain broker on the loopback address, for tests. */
export function buildBroker(overrides: Partial<BrokerConnection> = {}): BrokerConnection {
  return {
    name: 'primary',
    host: '127.0.0.1',
    port: 1883,
    transport: 'tcp',
    path: null,
    proxy_url: null,
    proxy_username: null,
    proxy_password: null,
    verify_cert: true,
    username: null,
    password: null,
    client_id: null,
    keep_alive: 60,
    clean_session: false,
    protocol_version: 5,
    session_expiry_s: 86_400,
    connect_timeout_s: 10,
    server_name: null,
    alpn_protocols: [],
    ca_cert: null,
    client_cert: null,
    client_key: null,
    client_key_passphrase: null,
    receive_maximum: null,
    user_properties: {},
    last_will: null,
    ...overrides,
  };
}
