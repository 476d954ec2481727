import type { RestClient } from '../up/rest-client';
import { DEMO_TOPIC_PREFIX } from './demo-publisher';

export interface DemoPlaces {
  broker: { port: number; username: string; password: string };
  webhookUrl: string;
  /** Ports of the start before, which what is stored may still name. */
  previous: { broker?: number; demo_receiver?: number };
}

interface Product {
  id: number;
  slug: string;
}

interface Subscription {
  id: number;
  actions: { type: string; url?: string }[];
}

const DEMO_SLUG = 'demo';

/**
 * Makes sure of the demo product, over the same REST calls that a person would make. What the person changed about it stays
 * as it is, except that addresses of the demo's own broker and receiver follow when those had to take other ports.
 *
 * @returns the product's id
 */
export async function seedDemo(rest: RestClient, places: DemoPlaces): Promise<number> {
  const { items } = await rest.call<{ items: Product[] }>('GET', `/products?search=${DEMO_SLUG}`);
  const known = items.find((product) => product.slug === DEMO_SLUG);
  if (known) {
    await followPorts(rest, known.id, places);
    return known.id;
  }
  const product = await rest.call<Product>('POST', '/products', {
    name: 'Demo shop',
    slug: DEMO_SLUG,
    description: 'Made by ./scripts/up: a small publisher places orders, each reaches a local webhook.',
  });
  await rest.call('PUT', `/products/${product.id}/mqtt-config`, {
    broker: { host: '127.0.0.1', use_tls: false, ...places.broker },
    topics: { prefix: DEMO_TOPIC_PREFIX, qos: 1 },
  });
  await rest.call('POST', `/products/${product.id}/mqtt-config/subscriptions`, {
    name: 'Orders to the webhook',
    topic: 'orders/{+country}/created',
    description: 'Every new order goes to the local webhook receiver.',
    actions: [{ id: 'notify', type: 'webhook', enabled: true, url: places.webhookUrl }],
  });
  return product.id;
}

async function followPorts(rest: RestClient, productId: number, places: DemoPlaces): Promise<void> {
  const config = `/products/${productId}/mqtt-config`;
  const { mqtt_config } = await rest.call<{ mqtt_config: { broker: { host: string | null; port: number } } }>(
    'GET',
    config,
  );
  const { host, port } = mqtt_config.broker;
  if (host === '127.0.0.1' && port === places.previous.broker && port !== places.broker.port) {
    await rest.call('PUT', config, { broker: places.broker });
  }
  const oldPort = places.previous.demo_receiver;
  const newPort = new URL(places.webhookUrl).port;
  if (oldPort === undefined || String(oldPort) === newPort) {
    return;
  }
  const { items } = await rest.call<{ items: Subscription[] }>('GET', `${config}/subscriptions`);
  for (const subscription of items) {
    const actions = subscription.actions.map((action) => ({
      ...action,
      ...(action.url ? { url: action.url.replace(`//127.0.0.1:${oldPort}/`, `//127.0.0.1:${newPort}/`) } : {}),
    }));
    if (JSON.stringify(actions) !== JSON.stringify(subscription.actions)) {
      await rest.call('PUT', `${config}/subscriptions/${subscription.id}`, { actions });
    }
  }
}
