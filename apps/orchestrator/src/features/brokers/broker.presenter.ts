import type { BrokerColumns } from '../../model/broker-columns';
import type { BrokerView } from './broker.view';

/** Never a secret: only whether there is one. */
export function presentBroker(broker: BrokerColumns): BrokerView {
  return {
    host: broker.broker_host,
    port: broker.broker_port,
    transport: broker.transport,
    path: broker.path,
    proxy_url: broker.proxy_url,
    proxy_username: broker.proxy_username,
    proxy_password_set: broker.proxy_password !== null,
    use_tls: broker.use_tls,
    verify_cert: broker.verify_cert,
    username: broker.username,
    password_set: broker.password !== null,
    client_id: broker.client_id,
    keep_alive: broker.keep_alive,
    clean_session: broker.clean_session,
    protocol_version: broker.protocol_version,
    session_expiry_s: broker.session_expiry_s,
    connect_timeout_s: broker.connect_timeout_s,
    server_name: broker.server_name,
    alpn_protocols: broker.alpn_protocols,
    ca_cert: broker.ca_cert,
    client_cert: broker.client_cert,
    client_key_set: broker.client_key !== null,
    receive_maximum: broker.receive_maximum,
    user_properties: broker.user_properties,
    last_will: broker.last_will,
  };
}
