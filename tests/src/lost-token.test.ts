import { type Mosquitto, startMosquitto } from '@cortex-mqtt/testing';
import { Client } from 'pg';
import type { TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { type Stack, startStack } from './harness/stack';
import { startTally, type Tally } from './harness/tally';

jest.setTimeout(240_000);

const SENT_BEFORE = 50;
const SENT = 150;

describe('a listener whose token is not in the database any more', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let tally: Tally;
  let publisher: Publisher;
  let product: TestProduct;

  beforeAll(async () => {
    broker = await startMosquitto();
    tally = await startTally();
    stack = await startStack({ queue: 'postgres', env: { LISTENER_RUNTIME: 'process' } });
    product = await stack.newProduct({
      name: 'lost token',
      broker: { host: '127.0.0.1', port: broker.port },
      subscriptions: [{ name: 'all', topic: 'a', actions: [{ id: 'hook', type: 'webhook', url: tally.url }] }],
    });
    await product.untilSettled();
    publisher = await startPublisher(broker.url);
  });
  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await tally?.stop();
  });

  it('gets a new one from the orchestrator that started it, and loses no message', async () => {
    const publish = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 1) await publisher.publish('a', `{"n":${n}}`);
    };
    await publish(0, SENT_BEFORE);
    const pid = (await product.status()).instances[0]?.report.pid;

    const database = new Client({ connectionString: stack.database_url });
    await database.connect();
    const { rowCount } = await database.query('DELETE FROM listener_tokens');
    expect(rowCount).toBeGreaterThan(0);
    await database.end();
    const sending = publish(SENT_BEFORE, SENT);

    const after = await product.untilStatus('a new process with a token that is taken', ({ connected, instances }) =>
      instances.some(({ report }) => connected && report.pid !== pid),
    );
    expect(after.instances.map(({ id }) => id)).toHaveLength(1);
    await sending;
    await tally.untilComplete(SENT);
    expect({ missing: tally.missing(SENT), unstable: tally.unstableIds() }).toEqual({ missing: [], unstable: [] });
    expect(stack.output()).toContain('starting it again with a new one');
  });
});
