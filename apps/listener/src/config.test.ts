import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EnvironmentError, loadEnvironment, renderEnvExample } from '@cortex-mqtt/environment';
import { ListenerConfig } from './config';
import { environmentDocument } from './config-source/environment-document';

const faultsOf = (work: () => unknown): string[] => {
  try {
    work();
  } catch (error) {
    if (error instanceof EnvironmentError) return error.faults.map(({ variable, message }) => `${variable} ${message}`);
    throw error;
  }
  return [];
};

describe('the environment of a listener', () => {
  it('needs a place to get its configuration from', () => {
    expect(faultsOf(() => loadEnvironment(ListenerConfig, {}))).toEqual([
      expect.stringContaining('ORCHESTRATOR_URL is not set, and MQTT_HOST neither'),
    ]);
    expect(faultsOf(() => loadEnvironment(ListenerConfig, { ORCHESTRATOR_URL: 'http://orchestrator' }))).toEqual([
      'LISTENER_TOKEN is needed with ORCHESTRATOR_URL',
    ]);
  });

  it('tells all faults at once', () => {
    const faults = faultsOf(() =>
      loadEnvironment(ListenerConfig, { MQTT_HOST: 'broker', MQTT_PORT: '0', MQTT_QOS: '3', INSTANCE_ID: 'a b' }),
    );
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual(
      expect.arrayContaining(['MQTT_PORT', 'MQTT_QOS', 'INSTANCE_ID']),
    );
  });

  it('makes a configuration of the MQTT_ variables alone', () => {
    const config = loadEnvironment(ListenerConfig, {
      MQTT_HOST: 'broker.example.com',
      MQTT_USE_TLS: 'true',
      MQTT_PORT: '8883',
      MQTT_TOPIC_PREFIX: 'shop',
      MQTT_SUBSCRIPTIONS: JSON.stringify([
        { name: 'orders', topic: 'orders/{+id}', actions: [{ type: 'webhook', url: 'https://example.com/' }] },
      ]),
    });
    expect(environmentDocument(config)).toMatchObject({
      brokers: [{ host: 'broker.example.com', port: 8883, transport: 'tls', clean_session: false }],
      subscriptions: [
        { topic_filter: 'shop/orders/+', wildcard_names: ['id'], actions: [{ id: 'a1', type: 'webhook' }] },
      ],
    });
  });

  it('names the faults within MQTT_SUBSCRIPTIONS', () => {
    const config = (text: string) => loadEnvironment(ListenerConfig, { MQTT_HOST: 'broker', MQTT_SUBSCRIPTIONS: text });
    expect(faultsOf(() => environmentDocument(config('{')))).toEqual([
      expect.stringContaining('MQTT_SUBSCRIPTIONS is not JSON'),
    ]);
    const faults = faultsOf(() => environmentDocument(config('[{"topic":"a/#/b","actions":[{"type":"webhook"}]}]')));
    expect(faults).toEqual(
      expect.arrayContaining([expect.stringContaining('[0].topic'), expect.stringContaining('[0].actions[0].url')]),
    );
  });

  it('is described by the committed example', () => {
    const committed = readFileSync(join(__dirname, '..', '.env.example'), 'utf8');
    expect(committed).toBe(renderEnvExample(ListenerConfig));
  });
});
