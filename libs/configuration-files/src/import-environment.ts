import { Env } from '@cortex-mqtt/environment';

/** A product's broker and topics as a listener's `.env` file names them. What is not set stays as it is stored. */
export class ImportEnvironment {
  static title = 'Initial configuration of a product (scripts/import-env)';
  static prefixes = ['MQTT_'];

  @Env('MQTT_HOST', { example: 'broker.example.com', doc: 'Host of the broker, without scheme and port' })
  host?: string;

  @Env('MQTT_PORT', { type: 'integer', min: 1, max: 65_535, doc: 'Port of the broker' })
  port?: number;

  @Env('MQTT_USE_TLS', { type: 'boolean', doc: 'Whether the connection is encrypted' })
  useTls?: boolean;

  @Env('MQTT_VERIFY_CERT', { type: 'boolean', doc: 'Whether the broker’s certificate is checked' })
  verifyCert?: boolean;

  @Env('MQTT_CA_CERT', {
    doc: 'PEM of the authorities that sign the broker’s certificate; usually by MQTT_CA_CERT_FILE',
  })
  caCert?: string;

  @Env('MQTT_CLIENT_CERT', { doc: 'PEM of a client certificate; usually by MQTT_CLIENT_CERT_FILE' })
  clientCert?: string;

  @Env('MQTT_CLIENT_KEY', { secret: true, doc: 'PEM of its key; usually by MQTT_CLIENT_KEY_FILE' })
  clientKey?: string;

  @Env('MQTT_CLIENT_KEY_PASSPHRASE', { secret: true, doc: 'Pass phrase of an encrypted client key' })
  clientKeyPassphrase?: string;

  @Env('MQTT_USERNAME', { doc: 'User name at the broker' })
  username?: string;

  @Env('MQTT_PASSWORD', { secret: true, doc: 'Password at the broker' })
  password?: string;

  @Env('MQTT_CLIENT_ID', { doc: 'Client id; derived from product and instance when not set' })
  clientId?: string;

  @Env('MQTT_KEEP_ALIVE', { type: 'integer', min: 0, max: 65_535, doc: 'Keep-alive in seconds' })
  keepAlive?: number;

  @Env('MQTT_CONNECTIONS', { oneOf: ['several', 'one'], doc: 'one: nothing but the session connects to the broker' })
  connections?: 'several' | 'one';

  @Env('MQTT_CLEAN_SESSION', { type: 'boolean', doc: 'Whether the broker forgets the session at a disconnect' })
  cleanSession?: boolean;

  @Env('MQTT_TOPIC_PREFIX', { doc: 'First levels of every topic' })
  topicPrefix?: string;

  @Env('MQTT_TOPIC_PATTERN', { doc: 'Levels after the prefix' })
  topicPattern?: string;

  @Env('MQTT_USE_SHARED', { type: 'boolean', doc: 'Whether replicas share the messages' })
  useShared?: boolean;

  @Env('MQTT_SHARED_GROUP', { doc: 'Name of the group that shares' })
  sharedGroup?: string;

  @Env('MQTT_QOS', { type: 'integer', min: 0, max: 2, doc: 'Quality of service of subscriptions' })
  qos?: number;
}

/** Field of the request → variable, for faults that only the API finds. */
export const VARIABLE_OF_FIELD: Record<string, string> = {
  'broker.host': 'MQTT_HOST',
  'broker.port': 'MQTT_PORT',
  'broker.use_tls': 'MQTT_USE_TLS',
  'broker.verify_cert': 'MQTT_VERIFY_CERT',
  'broker.ca_cert': 'MQTT_CA_CERT',
  'broker.client_cert': 'MQTT_CLIENT_CERT',
  'broker.client_key': 'MQTT_CLIENT_KEY',
  'broker.client_key_passphrase': 'MQTT_CLIENT_KEY_PASSPHRASE',
  'broker.username': 'MQTT_USERNAME',
  'broker.password': 'MQTT_PASSWORD',
  'broker.client_id': 'MQTT_CLIENT_ID',
  'broker.keep_alive': 'MQTT_KEEP_ALIVE',
  'broker.connections': 'MQTT_CONNECTIONS',
  'broker.clean_session': 'MQTT_CLEAN_SESSION',
  'topics.prefix': 'MQTT_TOPIC_PREFIX',
  'topics.pattern': 'MQTT_TOPIC_PATTERN',
  'topics.use_shared': 'MQTT_USE_SHARED',
  'topics.shared_group': 'MQTT_SHARED_GROUP',
  'topics.qos': 'MQTT_QOS',
};

/** The body of `PUT …/mqtt-config` that an environment stands for; fields that are not set are left out. */
export function toRequest(env: Readonly<ImportEnvironment>): Record<'broker' | 'topics', Record<string, unknown>> {
  const given = (fields: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return {
    broker: given({
      host: env.host,
      port: env.port,
      use_tls: env.useTls,
      verify_cert: env.verifyCert,
      ca_cert: env.caCert,
      client_cert: env.clientCert,
      client_key: env.clientKey,
      client_key_passphrase: env.clientKeyPassphrase,
      username: env.username,
      password: env.password,
      client_id: env.clientId,
      keep_alive: env.keepAlive,
      connections: env.connections,
      clean_session: env.cleanSession,
    }),
    topics: given({
      prefix: env.topicPrefix,
      pattern: env.topicPattern,
      use_shared: env.useShared,
      shared_group: env.sharedGroup,
      qos: env.qos,
    }),
  };
}
