import { type Mosquitto, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { FOR_LOAD, type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';
import { startTally, type Tally } from './harness/tally';

jest.setTimeout(400_000);

const MEGABYTE = 1_000_000;

describe('the memory of a listener', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let publisher: Publisher;
  let slow: Tally;

  beforeAll(async () => {
    slow = await startTally(() => ({ delay_ms: 300 }));
    broker = await startMosquitto({ config: FOR_LOAD });
    stack = await startStack({ queue: 'redis' });
    publisher = await startPublisher(broker.url);
  });
  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await slow?.stop();
  });

  it('stays within its bounds while payloads of 1 and 10 MB come faster than their destinations take them', async () => {
    const payloads = [...Array(150).fill(MEGABYTE), ...Array(15).fill(10 * MEGABYTE)] as number[];
    const product = await stack.newProduct({
      name: 'big',
      broker: { host: '127.0.0.1', port: broker.port },
      topics: { qos: 1 },
      subscriptions: ['megabytes', 'tens'].map((topic) => ({
        name: topic,
        topic,
        actions: [{ id: 'hook', type: 'webhook', url: slow.url, timeout_ms: 60_000 }],
      })),
    });
    const listener = await stack.startListener(product);
    await product.untilSettled();
    const idle_bytes = listener.memory_bytes();
    let most_bytes = 0;
    const watching = setInterval(() => {
      most_bytes = Math.max(most_bytes, listener.memory_bytes());
    }, 50);
    const sum = payloads.reduce((total, bytes) => total + bytes, 0);
    let behind = 0;
    for (const [n, bytes] of payloads.entries()) {
      const topic = bytes > MEGABYTE ? 'tens' : 'megabytes';
      // What the test itself holds of them is bounded too.
      await waitFor(() => behind < 20, { timeout_ms: PATIENCE_MS, interval_ms: 5 });
      behind += 1;
      void publisher.publish(topic, `{"n":${n},"filler":"${'x'.repeat(bytes)}"}`).finally(() => {
        behind -= 1;
      });
    }
    await slow.untilComplete(payloads.length, 300_000);
    clearInterval(watching);
    const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
    console.info(
      `${payloads.length} payloads, ${mib(sum)} MiB: idle ${mib(idle_bytes)} MiB, ${mib(most_bytes)} MiB at most, ${slow.duplicates()} repeated`,
    );
    expect(slow.missing(payloads.length)).toEqual([]);
    // Each of them is there as bytes, as text of its body and, on its way into the queue, as base64.
    expect(most_bytes - idle_bytes).toBeLessThan(750 * 2 ** 20);
  });
});
