import { connectAsync } from 'mqtt';

const COUNTRIES = ['fr', 'de', 'it', 'pl'];
const TICK_MS = 250;
/** Seconds of one rise and fall of the load, so that a chart has a shape. */
const WAVE_S = 150;

/** Orders that come and go in waves, a few refunds, and vans that tell where they are. */
export async function startTraffic(broker_url: string): Promise<{ stop(): Promise<void> }> {
  const client = await connectAsync(broker_url, { clientId: 'screenshots', protocolVersion: 4 });
  let tick = 0;
  let due = 0;
  const publish = (topic: string, payload: object) => client.publish(topic, JSON.stringify(payload), { qos: 1 });
  const timer = setInterval(() => {
    tick += 1;
    const wave = 1 + Math.sin((2 * Math.PI * tick * TICK_MS) / (WAVE_S * 1000));
    due += (3 + 9 * wave) * (TICK_MS / 1000);
    for (; due >= 1; due -= 1) {
      const country = COUNTRIES[tick % COUNTRIES.length] ?? 'fr';
      const amount = ((tick * 7919) % 60_000) / 100;
      publish(`demo/orders/${country}/created`, { order_id: `A-${10_000 + tick}`, country, amount, currency: 'EUR' });
    }
    if (tick % 100 === 0) {
      publish(`demo/refunds/${COUNTRIES[(tick / 100) % COUNTRIES.length]}`, {
        order_id: `A-${9_000 + tick}`,
        amount: 12.5 + tick / 10,
        reason: 'damaged in transit',
      });
    }
    publish(`fleet/van-${tick % 7}/position`, { lat: 45.76 + tick / 1e5, lon: 4.84, speed_kmh: 30 + (tick % 25) });
  }, TICK_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}
