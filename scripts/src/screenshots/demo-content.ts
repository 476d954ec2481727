import type { DemoStack } from './demo-stack';

/** What the pictures are taken of. */
export interface DemoContent {
  shop_id: number;
  /** Its subscription with a condition and two actions. */
  large_orders_id: number;
  /** Where the guided path stands at its last step. */
  workshop_id: number;
}

/** Nothing listens there: what goes to it fails, and becomes a dead letter. */
const NOWHERE = 'http://127.0.0.1:9/refunds';

/** More products than the demo's one, in different states, and a shop with something to look at. */
export async function seedContent({ rest, broker_url }: DemoStack): Promise<DemoContent> {
  const { port, username, password } = new URL(broker_url);
  const broker = { host: '127.0.0.1', port: Number(port), username, password, protocol_version: 4 };
  const { items } = await rest.call<{ items: { id: number }[] }>('GET', '/products?search=demo');
  const shop_id = items[0]?.id ?? 1;
  const shop = `/products/${shop_id}/mqtt-config`;
  const { items: subscriptions } = await rest.call<{ items: { actions: { url: string }[] }[] }>(
    'GET',
    `${shop}/subscriptions`,
  );
  const url = subscriptions[0]?.actions[0]?.url ?? '';
  await rest.call('PUT', shop, { broker: { protocol_version: 4 } });
  const { id: large_orders_id } = await rest.call<{ id: number }>('POST', `${shop}/subscriptions`, {
    name: 'Large orders to the ERP',
    topic: 'orders/{+country}/created',
    filter: 'payload.amount > 400',
    actions: [
      {
        id: 'erp',
        type: 'webhook',
        name: 'Post to the ERP',
        enabled: true,
        url,
        input: '{ "order": payload.order_id, "country": params.country, "total": payload.amount }',
      },
      { id: 'tell', type: 'publish', name: 'Tell the warehouse', enabled: true, topic: 'warehouse/large-orders' },
    ],
  });
  await rest.call('POST', `${shop}/subscriptions`, {
    name: 'Refunds to accounting',
    topic: 'refunds/{+country}',
    actions: [
      { id: 'book', type: 'webhook', name: 'Book it', enabled: true, url: NOWHERE, retry: { max_attempts: 1 } },
    ],
  });

  const make = async (name: string, config: object, subscription: object | null, more: object = {}) => {
    const { id } = await rest.call<{ id: number }>('POST', '/products', { name, ...more });
    await rest.call('PUT', `/products/${id}/mqtt-config`, config);
    if (subscription) await rest.call('POST', `/products/${id}/mqtt-config/subscriptions`, subscription);
    return id;
  };
  const log = [{ id: 'log', type: 'log', enabled: true, level: 'debug' }];
  await make(
    'Delivery fleet',
    { broker, topics: { prefix: 'fleet' } },
    { name: 'Positions', topic: '{+van}/position', actions: log },
  );
  await make(
    'Assembly line Berlin',
    { broker: { ...broker, password: 'changed-last-night' }, topics: { prefix: 'factory/berlin' } },
    { name: 'Faults', topic: 'faults/#', actions: log },
  );
  await make('Winter market', { broker }, null, { enabled: false });
  const workshop_id = await make(
    'Workshop Lyon',
    { broker, topics: { prefix: 'workshop/lyon' } },
    { name: 'All messages', topic: '#', actions: log },
  );
  return { shop_id, large_orders_id, workshop_id };
}
