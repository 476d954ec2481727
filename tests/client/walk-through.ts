import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

type Problem = components['schemas']['Problem'];

const { API_URL = '', API_TOKEN = '', BROKER_URL = '' } = process.env;
const broker = new URL(BROKER_URL);
const api = createClient<paths>({ baseUrl: API_URL, headers: { authorization: `Bearer ${API_TOKEN}` } });

/** The answer of a call that must succeed. */
function answered<T>({ data, error }: { data?: T; error?: Problem }): T {
  if (error !== undefined) throw new Error(`${error.type} ${error.detail} ${JSON.stringify(error.errors)}`);
  if (data === undefined) throw new Error('the answer has no body');
  return data;
}

/** docs/api.md by a client that is generated from the document, with nothing cast. */
async function walkThrough(): Promise<void> {
  const made = await api.POST('/api/v1/products', {
    params: { header: { 'Idempotency-Key': 'generated-client' } },
    body: { name: 'Generated client', variables: { region: 'eu' } },
  });
  const product_id = answered(made).id;
  const path = { product_id };

  const tested = await api.POST('/api/v1/products/{product_id}/mqtt-config/test', {
    params: { path },
    body: { host: broker.hostname, port: Number(broker.port), username: broker.username, password: broker.password },
  });
  const test = answered(tested);
  // A text would be the stages as server-sent events, which were not asked for.
  if (typeof test === 'string' || test.status !== 'success') throw new Error('the broker was not reached');

  const config = await api.GET('/api/v1/products/{product_id}/mqtt-config', { params: { path } });
  const tag = config.response.headers.get('etag') ?? '';
  const put = {
    broker: { host: broker.hostname, port: Number(broker.port), username: broker.username, password: broker.password },
    topics: { prefix: 'generated/{region}', qos: 1 as const },
  };
  const written = await api.PUT('/api/v1/products/{product_id}/mqtt-config', {
    params: { path, header: { 'If-Match': tag } },
    body: put,
  });
  if (answered(written).mqtt_config.broker.password_set !== true) throw new Error('the password is not stored');
  const stale = await api.PUT('/api/v1/products/{product_id}/mqtt-config', {
    params: { path, header: { 'If-Match': tag } },
    body: { topics: { prefix: 'lost' } },
  });
  if (stale.error?.type !== 'urn:cortex-mqtt:problem:precondition-failed') throw new Error('a lost update passed');

  const subscription = answered(
    await api.POST('/api/v1/products/{product_id}/mqtt-config/subscriptions', {
      params: { path },
      body: { name: 'created', topic: 'orders/+/created', actions: [{ type: 'log', message: 'an order' }] },
    }),
  );
  const sub_id = subscription.id;
  answered(
    await api.PUT('/api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}', {
      params: { path: { product_id, sub_id } },
      body: { enabled: false },
    }),
  );
  const brokers = await api.GET('/api/v1/products/{product_id}/brokers', { params: { path } });
  if (answered(brokers).items.length !== 0) throw new Error('there are further brokers');
  const status = answered(await api.GET('/api/v1/products/{product_id}/mqtt-config/status', { params: { path } }));
  const overview = answered(await api.GET('/api/v1/overview', {}));
  const secret = await api.PUT('/api/v1/products/{product_id}/secrets/{name}', {
    params: { path: { product_id, name: 'HOOK_KEY' }, header: { 'If-None-Match': '*' } },
    body: { value: 'a value' },
  });
  if (secret.response.status !== 201) throw new Error(`the secret answered ${secret.response.status}`);
  const deleted = await api.DELETE('/api/v1/products/{product_id}', { params: { path } });
  if (deleted.response.status !== 204) throw new Error(`the deletion answered ${deleted.response.status}`);
  process.stdout.write(`${JSON.stringify({ state: status.state, products: overview.total })}\n`);
}

walkThrough().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
