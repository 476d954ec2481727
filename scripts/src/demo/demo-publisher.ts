import { randomInt } from 'node:crypto';
import { connectAsync } from 'mqtt';

export interface DemoPublisher {
  stop(): Promise<void>;
}

export interface DemoPublisherOptions {
  brokerUrl: string;
  username: string;
  password: string;
  interval_ms: number;
}

/** First levels of the demo's topics. */
export const DEMO_TOPIC_PREFIX = 'demo';

const COUNTRIES = ['fr', 'de', 'it', 'pl'];
const CURRENCIES = ['EUR', 'PLN'];

/** Publishes a made-up business event at every interval: `demo/orders/{country}/created`, QoS 1. */
export async function startDemoPublisher(options: DemoPublisherOptions): Promise<DemoPublisher> {
  const client = await connectAsync(options.brokerUrl, {
    username: options.username,
    password: options.password,
    clientId: 'demo-publisher',
    protocolVersion: 4,
    reconnectPeriod: 1_000,
  });
  let number = 0;
  const timer = setInterval(() => {
    const country = COUNTRIES[randomInt(COUNTRIES.length)]!;
    const event = {
      order_id: `${Date.now()}-${++number}`,
      country,
      amount: randomInt(100, 50_000) / 100,
      currency: CURRENCIES[randomInt(CURRENCIES.length)],
      created_at: new Date().toISOString(),
    };
    // Offline it waits in the client; an order lost when the demo stops is no loss.
    client.publish(`${DEMO_TOPIC_PREFIX}/orders/${country}/created`, JSON.stringify(event), { qos: 1 });
  }, options.interval_ms);
  return {
    stop: async () => {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}
