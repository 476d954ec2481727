import { execFileSync } from 'node:child_process';
import {
  type HttpAnswer,
  type HttpReceiver,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  waitFor,
} from '@cortex-mqtt/testing';
import { Client } from 'pg';
import type { TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';

jest.setTimeout(240_000);

interface Item {
  id: string;
  topic: string;
  outcome: string;
  received_at: string;
  preview: string | null;
  size: number;
  subscriptions: { id: number; name: string; outcome: string }[];
}

interface Found {
  items: Item[];
  next_cursor: string | null;
  complete: boolean;
  gaps: unknown[];
}

describe('recorded messages', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let publisher: Publisher;
  let receiver: HttpReceiver;
  let product: TestProduct;
  let listener: TestListener;
  let answer: (topic: string) => HttpAnswer = () => ({});

  beforeAll(async () => {
    receiver = await startHttpReceiver({ answer: (request) => answer(request.json<{ topic: string }>().topic) });
    broker = await startMosquitto();
    stack = await startStack({ queue: 'redis' });
    product = await stack.newProduct({ name: 'recorded', broker: { host: '127.0.0.1', port: broker.port } });
    const actions = [
      { id: 'hook', type: 'webhook', url: receiver.url, retry: { max_attempts: 3, base_delay_ms: 100 } },
    ];
    await product.addSubscription({ name: 'orders', topic: 'orders/+', actions });
    await product.addSubscription({ name: 'large ones', topic: 'orders/+', filter: 'payload.n > 100', actions });
    await product.addSubscription({ name: 'paused', topic: 'paused/#', enabled: false, actions });
    listener = await stack.startListener(product);
    await product.untilSettled();
    publisher = await startPublisher(broker.url);
  });

  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await receiver?.stop();
  });

  const find = (query = ''): Promise<Found> => stack.rest.call('GET', `/products/${product.id}/messages?${query}`);
  const one = (query: string, wanted: (item: Item) => boolean = () => true): Promise<Item> =>
    waitFor(async () => (await find(query)).items.find(wanted), { timeout_ms: PATIENCE_MS });

  it('are found with the outcome of each delivery, and read with their attempts', async () => {
    await publisher.client.publishAsync('orders/1', '{"n":7}', {
      qos: 1,
      properties: {
        contentType: 'application/json',
        responseTopic: 'answers/1',
        correlationData: Buffer.from([1, 2]),
        userProperties: { trace: 'abc' },
      },
    });
    const found = await one('topic=orders/1', ({ outcome }) => outcome === 'succeeded');
    expect(found).toMatchObject({ topic: 'orders/1', size: 7, preview: '{"n":7}' });
    expect(found.subscriptions.map(({ name, outcome }) => [name, outcome]).sort()).toEqual([
      ['large ones', 'filtered'],
      ['orders', 'succeeded'],
    ]);
    const detail = await stack.rest.call('GET', `/products/${product.id}/messages/${found.id}`);
    expect(detail).toMatchObject({
      id: found.id,
      payload_text: '{"n":7}',
      payload_format: 'json',
      broker: 'primary',
      content_type: 'application/json',
      response_topic: 'answers/1',
      correlation_data_base64: 'AQI=',
      user_properties: { trace: 'abc' },
      deliveries: expect.arrayContaining([
        expect.objectContaining({
          name: 'orders',
          outcome: 'succeeded',
          attempts: [expect.objectContaining({ action_id: 'hook', outcome: 'succeeded', status: 200 })],
        }),
      ]),
    });
    const sent = receiver.requests.map((request) => request.json<Record<string, unknown>>()).at(-1);
    expect(sent).toMatchObject({
      broker: 'primary',
      content_type: 'application/json',
      response_topic: 'answers/1',
      correlation_data: 'AQI=',
    });
  });

  it('have the outcome that comes later, of a retry and of a dead letter', async () => {
    let failures = 2;
    answer = (topic) => {
      if (topic === 'orders/dead') return { status: 410 };
      if (topic === 'orders/retried' && failures-- > 0) return { status: 503 };
      return {};
    };
    await publisher.publish('orders/retried', '{"n":1}');
    await publisher.publish('orders/dead', '{"n":2}');
    const retried = await one('topic=orders/retried&outcome=succeeded');
    expect(await stack.rest.call('GET', `/products/${product.id}/messages/${retried.id}`)).toMatchObject({
      deliveries: expect.arrayContaining([
        expect.objectContaining({
          outcome: 'succeeded',
          attempts: [
            expect.objectContaining({ outcome: 'failed', status: 503 }),
            expect.objectContaining({ outcome: 'failed', status: 503 }),
            expect.objectContaining({ outcome: 'succeeded' }),
          ],
        }),
      ]),
    });
    const dead = await one('topic=orders/dead&outcome=dead');
    const detail = await stack.rest.call<{ deliveries: { outcome: string; delivery_id: string | null }[] }>(
      'GET',
      `/products/${product.id}/messages/${dead.id}`,
    );
    const { delivery_id } = detail.deliveries.find(({ outcome }) => outcome === 'dead') ?? {};
    answer = () => ({});
    await stack.rest.call('POST', `/products/${product.id}/deliveries/${delivery_id}/retry`, {});
    await one('topic=orders/dead&outcome=succeeded', ({ id }) => id === dead.id);
  });

  it('of a paused subscription are kept as such', async () => {
    await publisher.publish('paused/a', 'while it was off');
    const found = await one('outcome=paused');
    expect(found).toMatchObject({ topic: 'paused/a', subscriptions: [{ name: 'paused', outcome: 'paused' }] });
  });

  it('are found by text and by expression, and their topics as a tree', async () => {
    await publisher.publish('orders/x/needle-in-topic', '{}');
    await publisher.publish('orders/5', '{"n":5,"note":"A Needle"}');
    await one('text=needle', ({ topic }) => topic === 'orders/5');
    expect((await find(`where=${encodeURIComponent('payload.n = 5')}`)).items.map(({ topic }) => topic)).toEqual([
      'orders/5',
    ]);
    const tree = await waitFor(
      async () => {
        const { items } = await stack.rest.call<{ items: { topic: string; messages: number; last_value: string }[] }>(
          'GET',
          `/products/${product.id}/topics?below=orders`,
        );
        return items.find(({ topic }) => topic === 'orders/5');
      },
      { timeout_ms: PATIENCE_MS },
    );
    expect(tree).toMatchObject({ messages: 1, last_value: '{"n":5,"note":"A Needle"}' });
  });

  it('are shown live, and topics are discovered without a subscription', async () => {
    const stream = async (method: string, path: string, body?: object): Promise<string> => {
      const response = await fetch(`${stack.orchestrator_url}/api/v1/products/${product.id}${path}`, {
        method,
        headers: { authorization: `Bearer ${stack.rest.token}`, 'content-type': 'application/json' },
        body: body ? JSON.stringify(body) : undefined,
        signal: AbortSignal.timeout(8_000),
      });
      let text = '';
      const decoder = new TextDecoder();
      try {
        for await (const piece of response.body ?? []) {
          text += decoder.decode(piece as Uint8Array, { stream: true });
          if (text.includes('live-one') || text.includes('event: end')) break;
        }
      } catch (error) {
        if ((error as Error).name !== 'TimeoutError') throw error;
      }
      return text;
    };
    const tail = stream('GET', '/messages/stream?topic=orders/%2B');
    const discovered = stream('POST', '/mqtt-config/discover', { filter: 'unheard/#', seconds: 2 });
    const timer = setInterval(() => {
      publisher.publish('orders/live', '{"n":1,"text":"live-one"}').catch(() => undefined);
      publisher.publish('unheard/of', 'an example').catch(() => undefined);
    }, 300);
    const [live, topics] = await Promise.all([tail, discovered]);
    clearInterval(timer);
    expect(live).toContain('live-one');
    expect(topics).toContain('"topic":"unheard/of"');
    expect(topics).toContain('"example":"an example"');
    expect(topics).toContain('event: end');
  });

  it('of topics that no subscription takes are kept where the scope says so', async () => {
    const archive = (settings: object) =>
      stack.rest.call('PUT', product.path, { archive: { enabled: true, ...settings } });
    await archive({ scope: 'everything', filters: ['else/+', 'orders/#'] });
    await product.untilSettled();
    await publisher.publish('else/1', '{"n":1}');
    await publisher.publish('elsewhere/1', '{"n":1}');
    await publisher.publish('orders/9', '{"n":9}');
    expect(await one('topic=else/%23')).toMatchObject({ outcome: 'unmatched', subscriptions: [] });
    expect(await one('topic=orders/9', ({ outcome }) => outcome === 'succeeded')).toMatchObject({ preview: '{"n":9}' });
    expect((await find('topic=orders/9')).items).toHaveLength(1);
    expect((await find('topic=elsewhere/%23')).items).toEqual([]);
    await archive({ scope: 'matched', filters: [] });
    await product.untilSettled();
  });

  it('wait on disk while the orchestrator is away, and say nothing to who reads the disk or the database', async () => {
    await stack.orchestrator.kill();
    await publisher.publish('orders/away', '{"n":1,"secret":"canary-5f3e"}');
    await waitFor(() => receiver.requests.some((request) => request.text.includes('canary-5f3e')));
    await listener.stop();

    expect(execFileSync('sh', ['-c', `grep -rl canary-5f3e ${listener.data_dir} || true`]).toString()).toBe('');
    await stack.startOrchestrator();
    await listener.start();
    await one('topic=orders/away');

    const client = new Client({ connectionString: stack.database_url });
    await client.connect();
    const { rows } = await client.query<{ dump: string }>(
      `SELECT (SELECT string_agg(encode(body, 'escape'), '') FROM message_segments)
         || (SELECT string_agg(encode(COALESCE(last_value, ''), 'escape'), '') FROM message_topics) AS dump`,
    );
    await client.end();
    expect(rows[0]?.dump.length).toBeGreaterThan(100);
    expect(rows[0]?.dump).not.toContain('canary-5f3e');
  });

  describe('run again', () => {
    interface Replay {
      id: string;
      state: string;
      plan: {
        messages: number;
        deliveries: number;
        previews: { dry_runs: { requests: { request: Record<string, unknown> }[] }[] }[];
        by_subscription: { id: number }[];
        by_outcome: Record<string, number>;
        exact: boolean;
        seconds: number;
      };
      progress: { done: number; succeeded: number; failed: number; filtered: number; remaining: number };
      failures: unknown[];
    }
    const COUNT = 400;
    let subscription_id = 0;

    const plan = (body: object): Promise<Replay> => stack.rest.call('POST', `/products/${product.id}/replays`, body);
    const steer = (id: string, verb: string): Promise<Replay> =>
      stack.rest.call('POST', `/products/${product.id}/replays/${id}/${verb}`, {});
    const replay = (id: string): Promise<Replay> => stack.rest.call('GET', `/products/${product.id}/replays/${id}`);
    const until = (id: string, wanted: (replay: Replay) => boolean): Promise<unknown> => {
      let last: Replay | null = null;
      return waitFor(
        async () => {
          last = await replay(id);
          return wanted(last);
        },
        { timeout_ms: PATIENCE_MS, message: () => `the replay; it is ${JSON.stringify(last)}` },
      );
    };
    const sql = async (statement: string): Promise<{ rows: Record<string, unknown>[] }> => {
      const client = new Client({ connectionString: stack.database_url });
      await client.connect();
      try {
        return await client.query(statement);
      } finally {
        await client.end();
      }
    };
    const came = () => receiver.requests.filter(({ text }) => text.includes('"topic":"missed/'));

    beforeAll(async () => {
      const added = await product.addSubscription({
        name: 'missed',
        topic: 'missed/#',
        enabled: false,
        filter: 'payload.n >= 0',
        actions: [{ id: 'hook', type: 'webhook', url: receiver.url }],
      });
      subscription_id = added.id;
      await product.untilSettled();
      receiver.requests.length = 0;
      await publisher.publish('missed/none', '{"n":-1}');
      for (let n = 0; n < COUNT; n += 1) await publisher.publish(`missed/${n % 7}`, `{"n":${n}}`);
      await stack.rest.call('PUT', `${product.path}/subscriptions/${subscription_id}`, { enabled: true });
      await product.untilSettled();
      await waitFor(async () => (await plan({ selection: { topic: 'missed/#' } })).plan.messages === COUNT + 1, {
        timeout_ms: PATIENCE_MS,
      });
    });

    it('are judged by a draft without anything being sent', async () => {
      const { id } = await plan({
        selection: { topic: 'missed/#' },
        target: { draft: { topic: 'missed/#', filter: 'payload.n < 10 and payload.n >= 0' } },
      });
      await steer(id, 'start');
      await until(id, ({ state }) => state === 'done');
      expect((await replay(id)).progress).toMatchObject({ succeeded: 10, failed: 0, filtered: COUNT - 9 });
      expect(came()).toEqual([]);
    });

    it('reach a subscription that was paused, each once, through kill -9 of orchestrator and listener', async () => {
      const { id, plan: planned } = await plan({ selection: { topic: 'missed/#' }, rate_per_s: 100 });
      expect(planned).toMatchObject({ deliveries: COUNT + 1, exact: true, by_subscription: [{ id: subscription_id }] });
      expect(planned.previews).toHaveLength(20);
      expect(came()).toEqual([]);
      await steer(id, 'start');
      await waitFor(() => came().length > 50, { timeout_ms: PATIENCE_MS });
      await stack.orchestrator.kill();
      await stack.startOrchestrator();
      await waitFor(() => came().length > 150, { timeout_ms: PATIENCE_MS });
      await listener.kill();
      await listener.start();
      await until(id, ({ state }) => state === 'done');
      const numbers = new Set(came().map((request) => request.json<{ payload: { n: number } }>().payload.n));
      expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, n) => n));
      const ids = new Map<string, Set<string>>();
      for (const { headers, text } of came()) {
        const known = ids.get(text.replace(/"replay":.*/, '')) ?? new Set<string>();
        ids.set(text.replace(/"replay":.*/, ''), known.add(String(headers['webhook-id'])));
        expect(headers['cortex-replay-id']).toBe(id);
      }
      expect([...ids.values()].every((one) => one.size === 1)).toBe(true);
      const { progress } = await replay(id);
      expect(progress).toMatchObject({ failed: 0, remaining: 0, done: COUNT + 1 });
    });

    it('pause, go on at another rate, have new ids when asked for, and can be cancelled', async () => {
      receiver.requests.length = 0;
      const { id } = await plan({ selection: { topic: 'missed/#' }, only: 'all', ids: 'new', rate_per_s: 20 });
      await steer(id, 'start');
      await waitFor(() => came().length > 5, { timeout_ms: PATIENCE_MS });
      expect((await steer(id, 'pause')).state).toBe('paused');
      expect((await stack.rest.ask('POST', `/products/${product.id}/replays/${id}/pause`)).status).toBe(409);
      await stack.rest.call('PATCH', `/products/${product.id}/replays/${id}`, { rate_per_s: 500 });
      await steer(id, 'resume');
      await waitFor(() => came().length > 100, { timeout_ms: PATIENCE_MS });
      expect((await steer(id, 'cancel')).state).toBe('cancelled');
      expect(came().every(({ text }) => text.includes(`"replay":{"id":"${id}"`))).toBe(true);
    });

    it('show what they would do before they begin, by outcome, and keep no payload in the plan', async () => {
      const { id, plan: planned } = await plan({ selection: { topic: 'missed/#' }, only: 'all' });
      const total = Object.values(planned.by_outcome).reduce((sum, count) => sum + count, 0);
      expect(total).toBe(planned.messages);
      expect(planned.by_outcome).toEqual({ succeeded: COUNT, paused: 1 });
      const again = await plan({ selection: { topic: 'missed/#' } });
      expect(again.plan).toMatchObject({ messages: 1, by_outcome: { paused: 1 } });
      const [none, first] = planned.previews;
      expect(none?.dry_runs).toMatchObject([{ would_run: false, filtered: true, requests: [] }]);
      expect(first?.dry_runs).toMatchObject([
        { subscription_id, would_run: true, requests: [{ action_id: 'hook', request: { method: 'POST' } }] },
      ]);
      const { rows } = await sql(`SELECT plan::text FROM replays WHERE id = '${id}'`);
      expect(rows[0]?.plan).not.toContain('"n":');
      expect((await replay(id)).plan.previews).toHaveLength(20);
    });

    it('of more than 10,000 messages want their number', async () => {
      const { id } = await plan({ selection: { topic: 'missed/#' }, only: 'all' });
      await sql(`UPDATE replays SET plan = plan || '{"messages": 10001}' WHERE id = '${id}'`);
      const start = (body: object) => stack.rest.ask('POST', `/products/${product.id}/replays/${id}/start`, body);
      expect((await start({})).status).toBe(400);
      expect((await start({ confirm_messages: 10_000 })).status).toBe(400);
      expect((await start({ confirm_messages: 10_001 })).status).toBe(200);
      await steer(id, 'cancel');
    });

    it('go to another webhook, each once, and wait while it is away', async () => {
      receiver.requests.length = 0;
      let refusals = 0;
      answer = () => {
        refusals += 1;
        return refusals <= 3 ? { status: 503 } : {};
      };
      const target = { url: `${receiver.url}/elsewhere` };
      const selection = { topic: 'missed/#' };
      const { id, plan: planned } = await plan({ selection, only: 'all', rate_per_s: 1_000, target });
      expect(planned).toMatchObject({ messages: COUNT + 1, by_subscription: [{ id: 0 }] });
      expect(planned.previews[0]?.dry_runs[0]?.requests[0]?.request).toMatchObject({ url: target.url });
      await steer(id, 'start');
      await until(id, ({ state }) => state === 'done');
      expect((await replay(id)).progress).toMatchObject({ succeeded: COUNT + 1, failed: 0 });
      const taken = receiver.requests.filter(({ url }) => url === '/elsewhere');
      expect(new Set(taken.map(({ headers }) => headers['webhook-id'])).size).toBe(COUNT + 1);
      expect(taken[0]?.headers['cortex-replay-id']).toBe(id);
      answer = () => ({});
      const refused = await stack.rest.ask('POST', `/products/${product.id}/replays`, {
        ...{ selection, target: { url: 'http://user:pass@[::1]/{{topic}}' } },
      });
      expect(refused.status).toBe(400);
    });

    it('go to another product, whose subscriptions match by topic', async () => {
      receiver.requests.length = 0;
      const other = await stack.newProduct({ name: 'other', broker: { host: '127.0.0.1', port: broker.port } });
      const { id: other_id } = await other.addSubscription({
        ...{ name: 'taken over', topic: 'missed/3', ordering: 'payload.n' },
        actions: [{ id: 'hook', type: 'webhook', url: `${receiver.url}/other` }],
      });
      await stack.startListener(other);
      await other.untilSettled();
      const { id, plan: planned } = await plan({ selection: { topic: 'missed/#' }, target: { product_id: other.id } });
      expect(planned.by_subscription).toMatchObject([{ id: other_id, messages: planned.messages }]);
      await steer(id, 'start');
      await until(id, ({ state }) => state === 'done');
      const came_there = receiver.requests.filter(({ url }) => url === '/other');
      expect(came_there).toHaveLength(planned.messages);
      expect(came_there[0]?.json()).toMatchObject({ product_id: other.id, subscription_id: other_id });
    });

    it('keep the pace of the past when asked to', async () => {
      const [a, b] = ['pace/a', 'pace/b'];
      await product.addSubscription({ name: 'paced', topic: 'pace/#', actions: [{ id: 'log', type: 'log' }] });
      await product.untilSettled();
      await publisher.publish(a, '1');
      const recorded = await one(`topic=${a}`);
      await waitFor(() => Date.now() - Date.parse(recorded.received_at) > 3_000);
      await publisher.publish(b, '2');
      await one(`topic=${b}`);
      receiver.requests.length = 0;
      const target = { url: `${receiver.url}/paced` };
      const { id, plan: planned } = await plan({ selection: { topic: 'pace/#' }, only: 'all', pace: 2, target });
      expect(planned.seconds).toBeGreaterThanOrEqual(1.5);
      await steer(id, 'start');
      await until(id, ({ state }) => state === 'done');
      const [first, second] = receiver.requests
        .filter(({ url }) => url === '/paced')
        .map(({ received_at }) => received_at);
      const past_ms = planned.seconds * 1_000;
      expect(Number(second) - Number(first)).toBeGreaterThan(past_ms * 0.7);
    });
  });
});
