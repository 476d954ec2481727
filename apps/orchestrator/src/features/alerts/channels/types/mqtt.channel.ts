import { randomBytes } from 'node:crypto';
import { ActionFault } from '@cortex-mqtt/actions';
import type { BrokerConnection, FieldFault, Transport } from '@cortex-mqtt/contracts';
import { buildClientOptions, diagnoseFailure } from '@cortex-mqtt/mqtt';
import { machineBody } from './alert-message';
import type { ChannelFields, ChannelType } from './channel-type';

const TIMEOUT_MS = 10_000;
const TRANSPORTS: Record<string, { transport: Transport; port: number }> = {
  'mqtt:': { transport: 'tcp', port: 1883 },
  'mqtts:': { transport: 'tls', port: 8883 },
  'ws:': { transport: 'ws', port: 80 },
  'wss:': { transport: 'wss', port: 443 },
};

/** An MQTT topic at any broker, `mqtt://host:port`; JSON as a webhook gets it. */
export const mqttChannel: ChannelType = {
  title: 'MQTT topic',
  required: ['url', 'topic'],
  optional: ['username', 'password', 'qos', 'retain'],
  secret: ['password'],
  check: ({ url = '', topic = '' }) => {
    const faults: FieldFault[] = [];
    const parsed = URL.canParse(url) ? new URL(url) : null;
    if (parsed === null || TRANSPORTS[parsed.protocol] === undefined || parsed.hostname === '') {
      faults.push({ field: 'url', message: 'must be mqtt://, mqtts://, ws:// or wss:// and a host' });
    } else if (parsed.username !== '' || parsed.password !== '') {
      faults.push({ field: 'url', message: 'must not hold a user name or password' });
    }
    if (/[+#\0]/.test(topic)) faults.push({ field: 'topic', message: 'must not hold + # or the null character' });
    return faults;
  },
  destination: ({ url = '' }) => url,
  send: (fields, message, { egress }) => {
    const { MqttClient } = require('mqtt') as typeof import('mqtt');
    const broker = brokerOf(fields);
    const { options, buildStream } = buildClientOptions(broker, {
      client_id: `cortexalert${randomBytes(6).toString('hex')}`,
      egress,
    });
    const client = new MqttClient(buildStream, options);
    return new Promise((resolve, reject) => {
      const fail = (text: string, code: string): void => {
        clearTimeout(timer);
        client.end(true);
        reject(new ActionFault(text, { permanent: false, detail: { code } }));
      };
      const timer = setTimeout(
        () => fail(`the broker has not confirmed within ${TIMEOUT_MS} ms`, 'TIMEOUT'),
        TIMEOUT_MS,
      );
      client.on('error', (error) => fail(diagnoseFailure('connect', error, { broker }).cause, 'MQTT'));
      client.on('close', () => fail('the broker has closed the connection', 'MQTT'));
      client.once('connect', () => {
        const { topic = '', qos = 1, retain = false } = fields;
        client.publish(topic, JSON.stringify(machineBody(message)), { qos, retain }, (error) => {
          if (error) return fail(error.message, 'MQTT');
          clearTimeout(timer);
          client.removeAllListeners('close');
          client.end();
          resolve({ status: qos === 0 ? 'sent' : 'confirmed by the broker', excerpt: topic });
        });
      });
      client.connect();
    });
  },
};

function brokerOf({ url = '', username, password }: ChannelFields): BrokerConnection {
  const { protocol, hostname, port, pathname } = new URL(url);
  const { transport, port: usual_port } = TRANSPORTS[protocol] ?? { transport: 'tcp' as const, port: 1883 };
  return {
    name: 'alerts',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? usual_port : Number(port),
    transport,
    path: transport === 'ws' || transport === 'wss' ? pathname : null,
    proxy_url: null,
    proxy_username: null,
    proxy_password: null,
    verify_cert: true,
    username: username ?? null,
    password: password ?? null,
    client_id: null,
    keep_alive: 30,
    clean_session: true,
    protocol_version: 4,
    session_expiry_s: 0,
    connect_timeout_s: TIMEOUT_MS / 1000,
    server_name: null,
    alpn_protocols: [],
    ca_cert: null,
    client_cert: null,
    client_key: null,
    client_key_passphrase: null,
    receive_maximum: null,
    user_properties: {},
    last_will: null,
  };
}
