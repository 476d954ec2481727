import { connectAsync, type MqttClient } from 'mqtt';
import { now_ms, serveWorker } from './worker';

let client: MqttClient | null = null;
let received = 0;
let last_ms = 0;
let waiting: { count: number; resolve: () => void } | null = null;

/** mqtt.js as its documentation shows it: a `message` listener that does nothing. */
const methods = {
  subscribe: async ({ port, filters }: { port: number; filters: string[] }): Promise<void> => {
    client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, reconnectPeriod: 0 });
    client.on('message', () => {
      received += 1;
      if (!waiting || received < waiting.count) return;
      last_ms = now_ms();
      waiting.resolve();
      waiting = null;
    });
    for (let start = 0; start < filters.length; start += 100) {
      await client.subscribeAsync(filters.slice(start, start + 100), { qos: 1 });
    }
  },
  reset: (_none: null): void => {
    received = 0;
  },
  /** Resolves when that many have come since `reset`, or at the time limit. */
  expect: ({ count, timeout_ms }: { count: number; timeout_ms: number }) =>
    new Promise<void>((resolve, reject) => {
      if (received >= count) return resolve();
      const timer = setTimeout(
        () => reject(new Error(`${received} of ${count} messages after ${timeout_ms} ms`)),
        timeout_ms,
      );
      waiting = {
        count,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
    }).then(() => ({ last_ms })),
  end: async (_none: null): Promise<void> => {
    await client?.endAsync();
    client = null;
  },
};

export type PlainSubscriberMethods = typeof methods;

if (require.main === module) serveWorker(methods);
