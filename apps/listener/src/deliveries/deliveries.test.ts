import { createQueueBackend, silentQueueLogger } from '@cortex-mqtt/queues';
import {
  createTestDatabase,
  type Redis,
  startRedis,
  startTcpProxy,
  type TcpProxy,
  type TestDatabase,
  waitFor,
} from '@cortex-mqtt/testing';
import { Redis as RedisClient } from 'ioredis';
import { SUCCEEDED } from '../pipeline/compiled-plan';
import type { Delivery } from '../pipeline/delivery';
import {
  buildAction,
  buildGatedAction as buildGate,
  buildMessage,
  buildPlan,
  buildSubscription,
  unaccounted,
} from '../pipeline/pipeline.testing';
import { postAction, type Receiver, startListener, startReceiver, type TestListener } from './deliveries.testing';

const NO_PROPERTIES = buildMessage().properties;

async function prepare(url: string): Promise<void> {
  const backend = createQueueBackend({ url, logger: silentQueueLogger });
  await backend.ready(20_000);
  await backend.close();
}

describe.each(['redis', 'postgres'] as const)('deliveries that go through a %s queue', (kind) => {
  let redis: Redis | undefined;
  let database: TestDatabase | undefined;
  let proxy: TcpProxy;
  let receiver: Receiver;
  let url: string;
  let product_id = 0;
  const listeners: TestListener[] = [];
  const gates: ReturnType<typeof buildGate>[] = [];

  beforeAll(async () => {
    if (kind === 'redis') redis = await startRedis();
    else database = await createTestDatabase();
    const direct = new URL(redis?.url ?? database?.url ?? '');
    proxy = await startTcpProxy({ target: { port: Number(direct.port) } });
    direct.port = String(proxy.port);
    url = direct.href;
  });

  beforeEach(async () => {
    // Its schema is there before the first test counts the milliseconds.
    if (product_id === 0) await prepare(url);
    product_id += 1;
    receiver = await startReceiver();
  });

  afterEach(async () => {
    await proxy.restore();
    for (const gate of gates.splice(0)) for (const index of gate.begun.keys()) gate.finish(index);
    await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
    await receiver.close();
  });

  afterAll(async () => {
    await proxy.stop();
    await redis?.stop();
    await database?.drop();
  });

  /** Its runs end with the test at the latest: a worker does not let go of a job that is being run. */
  const buildGatedAction = (): ReturnType<typeof buildGate> => {
    const gate = buildGate();
    gates.push(gate);
    return gate;
  };

  const start = (options: Omit<Parameters<typeof startListener>[0], 'url' | 'product_id'>): TestListener => {
    const listener = startListener({ url, product_id, ...options });
    listeners.push(listener);
    return listener;
  };

  it('acknowledges what takes long once it is leased, and forgets it when it has succeeded', async () => {
    const gated = buildGatedAction();
    const listener = start({ plan: buildPlan([buildSubscription({ actions: [gated.action] })]) });
    const messages = Array.from({ length: 20 }, () => buildMessage());
    for (const message of messages) listener.pipeline.accept(message);
    await waitFor(() => messages.every((message) => message.isSettled));
    expect(listener.pipeline.engine.in_flight).toBe(20);
    expect(await listener.store.counts()).toEqual({ waiting: 20, active: 0, dead: 0 });
    messages.forEach((_message, index) => {
      gated.finish(index);
    });
    await waitFor(async () => (await listener.store.counts()).waiting === 0);
    expect(listener.pipeline.counters).toMatchObject({ deliveries_succeeded: 20, deliveries_queued: 0 });
    expect(listener.handover.held()).toBe(0);
  });

  it('no longer waits before it hands over where all deliveries take long', async () => {
    const gated = buildGatedAction();
    const subscription = buildSubscription({ actions: [gated.action] });
    const listener = start({ plan: buildPlan([subscription]) });
    const slow = Array.from({ length: 12 }, () => buildMessage());
    for (const message of slow) listener.pipeline.accept(message);
    await waitFor(() => slow.every((message) => message.isSettled));
    slow.forEach((_message, index) => {
      gated.finish(index);
    });
    await waitFor(() => listener.pipeline.counters.deliveries_succeeded === 12);
    // By its own time this one would be handed over in an hour.
    listener.pipeline.apply(buildPlan([subscription], { handover_after_ms: 3_600_000 }));
    const next = buildMessage();
    listener.pipeline.accept(next);
    await waitFor(() => next.isSettled);
    gated.finish(12);
    await waitFor(() => listener.pipeline.counters.deliveries_succeeded === 13);
    // It ended within that hour, so the one after it is waited for again.
    expect(listener.pipeline.runtime(subscription.definition.id).slow_in_a_row).toBe(0);
  });

  it('never touches the queue for what ends in time', async () => {
    const listener = start({ plan: buildPlan([buildSubscription()], { handover_after_ms: 10_000 }) });
    for (let count = 0; count < 100; count += 1) listener.pipeline.accept(buildMessage());
    expect(listener.pipeline.counters.deliveries_succeeded).toBe(100);
    expect(await listener.store.counts()).toEqual({ waiting: 0, active: 0, dead: 0 });
  });

  it('retries through the queue until the destination takes it, running only what has not succeeded', async () => {
    let failures = 4;
    receiver.answer = (_request, _body, response) => {
      failures -= 1;
      response.statusCode = failures >= 0 ? 503 : 200;
      response.end('x');
    };
    let logged = 0;
    const other = buildAction(() => {
      logged += 1;
      return SUCCEEDED;
    }, 'a2');
    const listener = start({ plan: buildPlan([buildSubscription({ actions: [postAction(receiver), other] })]) });
    const message = buildMessage({ text: '{"big":9007199254740993}' });
    listener.pipeline.accept(message);
    await waitFor(() => message.isSettled);
    await waitFor(() => listener.pipeline.counters.deliveries_succeeded === 1);
    expect(receiver.bodies).toEqual(Array(5).fill('{"big":9007199254740993}'));
    expect(logged).toBe(1);
    await waitFor(async () => {
      const { waiting, active, dead } = await listener.store.counts();
      return waiting + active + dead === 0;
    });
    expect(unaccounted(listener.pipeline)).toBe(0);
  });

  it('waits as long as the destination asks for', async () => {
    let asked = false;
    receiver.answer = (_request, _body, response) => {
      if (!asked) {
        asked = true;
        response.writeHead(429, { 'retry-after': '60' }).end('slow down');
      } else response.end('ok');
    };
    const listener = start({ plan: buildPlan([buildSubscription({ actions: [postAction(receiver)] })]) });
    const message = buildMessage();
    listener.pipeline.accept(message);
    await waitFor(() => message.isSettled);
    const [waiting] = (await listener.store.listWaiting({})).items;
    expect(Date.parse(waiting?.next_try_at ?? '') - Date.now()).toBeGreaterThan(50_000);
    expect(receiver.bodies).toHaveLength(1);
    expect(waiting).toMatchObject({ error: 'HTTP 429', attempts_made: 1 });
    await listener.store.retry(waiting?.id ?? '');
    await waitFor(() => listener.pipeline.counters.deliveries_succeeded === 1);
  });

  it('makes a dead letter of a permanent fault at once, with its attempts, and retries it edited', async () => {
    receiver.answer = (_request, body, response) => {
      response.statusCode = body.includes('good') ? 200 : 410;
      response.end('gone for good');
    };
    const listener = start({ plan: buildPlan([buildSubscription({ actions: [postAction(receiver)] })]) });
    const message = buildMessage({ text: '{"bad":1}' });
    listener.pipeline.accept(message);
    await waitFor(() => message.isSettled);
    await waitFor(async () => (await listener.store.counts()).dead === 1);
    const [letter] = (await listener.store.listDeadLetters({})).items;
    expect(letter).toMatchObject({ error: 'HTTP 410', topic: 'orders/created', message_id: 'm-0' });
    const detail = await listener.store.getDelivery(letter?.id ?? '');
    expect(detail?.attempts).toEqual([
      expect.objectContaining({ outcome: 'permanent', status: 410, response_excerpt: 'gone for good' }),
    ]);
    expect(listener.pipeline.counters).toMatchObject({ deliveries_dead: 1, deliveries_queued: 0 });
    await listener.store.retryEdited(letter?.id ?? '', Buffer.from('{"good":1}'));
    await waitFor(() => listener.pipeline.counters.deliveries_succeeded === 1);
    expect(receiver.bodies.at(-1)).toBe('{"good":1}');
    expect(unaccounted(listener.pipeline)).toBe(0);
  });

  it('makes a dead letter after the last attempt', async () => {
    receiver.answer = (_request, _body, response) => {
      response.statusCode = 500;
      response.end();
    };
    const action = postAction(receiver, 'a1', { max_attempts: 4 });
    const listener = start({ plan: buildPlan([buildSubscription({ actions: [action] })]) });
    listener.pipeline.accept(buildMessage());
    await waitFor(async () => (await listener.store.counts()).dead === 1);
    expect(receiver.bodies).toHaveLength(4);
    const [letter] = (await listener.store.listDeadLetters({})).items;
    expect(letter).toMatchObject({ error: 'HTTP 500 (given up after 4 attempts)', attempts_made: 4 });
    expect(unaccounted(listener.pipeline)).toBe(0);
  });

  it('lets poison pass by: a thousand permanent faults hold up nothing behind them', async () => {
    const action = buildAction((delivery) =>
      delivery.message.payload.toString() === 'poison'
        ? { kind: 'failed', permanent: true, error: 'poison' }
        : SUCCEEDED,
    );
    const listener = start({
      plan: buildPlan([buildSubscription({ ordering: 'topic', actions: [action] })]),
      withWorker: false,
    });
    const poison = Array.from({ length: 1_000 }, () => buildMessage({ text: 'poison' }));
    for (const message of poison) listener.pipeline.accept(message);
    const good = buildMessage({ text: 'good' });
    listener.pipeline.accept(good);
    expect(good.isSettled).toBe(true);
    await waitFor(() => poison.every((message) => message.isSettled));
    expect(listener.pipeline.counters).toMatchObject({ deliveries_dead: 1_000, deliveries_succeeded: 1 });
  });

  it('gives the deliveries of a listener that died to another when their leases have run out', async () => {
    const gated = buildGatedAction();
    const limits = { lease_ms: 1_500 };
    const dying = start({
      plan: buildPlan([buildSubscription({ actions: [gated.action] })]),
      limits,
      withWorker: false,
    });
    const messages = Array.from({ length: 30 }, (_, index) => buildMessage({ text: `${index}` }));
    for (const message of messages) dying.pipeline.accept(message);
    await waitFor(() => messages.every((message) => message.isSettled));
    const survivor = start({ plan: buildPlan([buildSubscription({ actions: [postAction(receiver)] })]), limits });
    listeners.splice(listeners.indexOf(dying), 1);
    await dying.kill();
    await waitFor(() => survivor.pipeline.counters.deliveries_succeeded === 30);
    expect(new Set(receiver.bodies).size).toBe(30);
    expect(survivor.pipeline.counters.deliveries_taken).toBe(30);
  });

  it('keeps the lease while an attempt is running, however long it takes', async () => {
    const gated = buildGatedAction();
    const limits = { lease_ms: 2_000 };
    const slow = start({ plan: buildPlan([buildSubscription({ actions: [gated.action] })]), limits });
    const idle = start({ plan: buildPlan([buildSubscription({ actions: [gated.action] })]), limits });
    slow.pipeline.accept(buildMessage());
    await waitFor(() => slow.handover.held() === 1);
    const [id] = (await slow.store.listWaiting({})).items.map((item) => item.id);
    const [delivery] = gated.begun as Delivery[];
    const first_until_ms = delivery?.lease_until_ms ?? 0;
    // Beyond the end of the first lease, under a later one.
    await waitFor(() => Date.now() > first_until_ms && (delivery?.lease_until_ms ?? 0) > first_until_ms);
    expect(gated.begun).toHaveLength(1);
    expect((await slow.store.getDelivery(id ?? ''))?.state).toBe('waiting');
    gated.finish(0);
    await waitFor(async () => (await slow.store.counts()).waiting === 0);
    expect(idle.pipeline.counters.deliveries_taken).toBe(0);
  });

  it('runs nothing twice that it is still at, although the leases ran out', async () => {
    const gated = buildGatedAction();
    let isRenewing = false;
    const listener = start({
      plan: buildPlan([buildSubscription({ actions: [gated.action] })]),
      limits: { lease_ms: 1_000 },
      // As when the queue was away for longer than a lease.
      journal: (real) => ({ ...real, renew: async (...leases) => (isRenewing ? real.renew(...leases) : []) }),
    });
    const messages = Array.from({ length: 20 }, () => buildMessage());
    for (const message of messages) listener.pipeline.accept(message);
    await waitFor(() => listener.putBack.length >= 20);
    isRenewing = true;
    messages.forEach((_message, index) => {
      gated.finish(index);
    });
    await waitFor(async () => (await listener.store.counts()).waiting === 0, { timeout_ms: 20_000 });
    expect(gated.begun).toHaveLength(20);
    expect(listener.pipeline.counters).toMatchObject({ deliveries_succeeded: 20, deliveries_taken: 0 });
  });

  it('keeps the order of a key when another listener takes over', async () => {
    const gated = buildGatedAction();
    const limits = { lease_ms: 8_000 };
    const dying = start({
      plan: buildPlan([buildSubscription({ ordering: 'topic', actions: [gated.action] })]),
      limits,
      withWorker: false,
    });
    const handOver = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 1) dying.pipeline.accept(buildMessage({ text: `${n}` }));
      await waitFor(() => dying.handover.held() === to);
    };
    await handOver(0, 30);
    // Some leases have been renewed when the next ones begin.
    const [first] = gated.begun as Delivery[];
    const first_until_ms = first?.lease_until_ms ?? 0;
    await waitFor(() => (first?.lease_until_ms ?? 0) > first_until_ms);
    await handOver(30, 60);
    listeners.splice(listeners.indexOf(dying), 1);
    await dying.kill();
    const noting = buildAction(async (delivery) => {
      receiver.bodies.push(delivery.message.payload.toString());
      await new Promise((resolve) => setImmediate(resolve));
      return SUCCEEDED;
    });
    start({ plan: buildPlan([buildSubscription({ ordering: 'topic', actions: [noting] })]), limits });
    await waitFor(() => new Set(receiver.bodies).size === 60, { timeout_ms: 60_000 });
    expect([...new Set(receiver.bodies)]).toEqual(Array.from({ length: 60 }, (_, n) => `${n}`));
  });

  it('hands nothing over while the queue is away, goes on trying by itself, and hands over when it is back', async () => {
    let isUp = false;
    receiver.answer = (_request, body, response) => {
      response.statusCode = isUp || body === 'quick' ? 200 : 503;
      response.end();
    };
    const listener = start({
      plan: buildPlan([
        buildSubscription({ actions: [postAction(receiver, 'a1', { max_attempts: 10_000, base_delay_ms: 50 })] }),
      ]),
      queue_limit_ms: 300,
    });
    await waitFor(async () => (await listener.store.counts()).dead === 0);
    await proxy.refuse();
    const held = Array.from({ length: 5 }, (_, index) => buildMessage({ text: `held ${index}` }));
    for (const message of held) listener.pipeline.accept(message);
    const quick = buildMessage({ text: 'quick' });
    listener.pipeline.accept(quick);
    await waitFor(() => quick.isSettled);
    await waitFor(() => !listener.handover.isQueueAvailable());
    await waitFor(() => receiver.bodies.filter((body) => body === 'held 0').length >= 4);
    expect(held.some((message) => message.isSettled)).toBe(false);
    expect(listener.handover.oldestUnreleased(Date.now())).toBeGreaterThan(0);
    await proxy.restore();
    await waitFor(() => held.every((message) => message.isSettled), { timeout_ms: 15_000 });
    isUp = true;
    await waitFor(() => listener.pipeline.counters.deliveries_succeeded >= 6, { timeout_ms: 15_000 });
    const bodies = new Set(receiver.bodies);
    for (const message of held) expect(bodies).toContain(message.payload.toString());
  });

  it('keeps in the queue what was written again after a write that ended too late', async () => {
    receiver.answer = (_request, body, response) => {
      if (body === 'before') response.end();
      else response.writeHead(429, { 'retry-after': '60' }).end();
    };
    let changes = 0;
    const listener = start({
      plan: buildPlan([buildSubscription({ actions: [postAction(receiver)] })]),
      queue_limit_ms: 500,
      withWorker: false,
      journal: (real) => ({
        ...real,
        write: (entries) => {
          changes += 1;
          return real.write(entries);
        },
        remove: (job_ids) => {
          changes += 1;
          return real.remove(job_ids);
        },
      }),
    });
    const handOver = async (text: string): Promise<void> => {
      const message = buildMessage({ text });
      listener.pipeline.accept(message);
      await waitFor(() => message.isSettled);
    };
    // The depth of the queue is known for a second: what comes next is written without asking for it.
    await waitFor(async () => (await listener.store.counts()).waiting === 0);
    await handOver('first');
    proxy.blackhole();
    const held = buildMessage({ text: 'held' });
    listener.pipeline.accept(held);
    // Its first write was given up, and what follows that is on its way as well.
    await waitFor(() => changes === 3);
    expect(held.isSettled).toBe(false);
    await proxy.restore();
    await waitFor(() => held.isSettled);
    await handOver('last');
    const { items } = await listener.store.listWaiting({});
    const texts = await Promise.all(
      items.map(async ({ id }) => Buffer.from((await listener.store.getDelivery(id))?.payload_base64 ?? '', 'base64')),
    );
    expect(texts.map(String).sort()).toEqual(['first', 'held', 'last']);
  });

  it('stops handing over at the bound of the queue', async () => {
    const gated = buildGatedAction();
    const listener = start({
      plan: buildPlan([buildSubscription({ actions: [gated.action] })]),
      limits: { max_queued: 10, batch: 10 },
      withWorker: false,
    });
    const messages = Array.from({ length: 25 }, () => buildMessage());
    for (const message of messages) listener.pipeline.accept(message);
    await waitFor(() => messages.filter((message) => message.isSettled).length === 10);
    expect(await listener.store.counts()).toMatchObject({ waiting: 10 });
    for (let index = 0; index < 10; index += 1) gated.finish(index);
    await waitFor(() => messages.filter((message) => message.isSettled).length === 20);
    expect((await listener.store.counts()).waiting).toBeLessThanOrEqual(10);
    for (let index = 10; index < 25; index += 1) gated.finish(index);
    await waitFor(() => messages.every((message) => message.isSettled));
  });

  it('leaves what waits for a place to others once it holds too much', async () => {
    const gated = buildGatedAction();
    const crowded = start({
      plan: buildPlan([buildSubscription({ concurrency: 2, actions: [gated.action] })]),
      limits: { max_held: 5 },
      withWorker: false,
    });
    const messages = Array.from({ length: 40 }, (_, index) => buildMessage({ text: `${index}` }));
    for (const message of messages) crowded.pipeline.accept(message);
    await waitFor(() => messages.every((message) => message.isSettled));
    expect(crowded.handover.held()).toBeLessThanOrEqual(6);
    const left = crowded.pipeline.counters.deliveries_queued;
    expect(left).toBeGreaterThanOrEqual(34);
    // Nothing here keeps the bytes of what others have now.
    const { running, waiting } = crowded.pipeline.engine.gate;
    expect([running, waiting]).toEqual([2, crowded.pipeline.engine.in_flight - 2]);
    const roomy = start({ plan: buildPlan([buildSubscription({ actions: [postAction(receiver)] })]) });
    await waitFor(() => roomy.pipeline.counters.deliveries_succeeded === left);
    expect(unaccounted(crowded.pipeline)).toBe(0);
  });

  it('applies the current configuration: without its subscription a delivery dies, without its action it is done', async () => {
    const failing = buildAction(
      () => ({ kind: 'failed', permanent: false, error: 'no', retry_after_ms: 1_500 }),
      'gone',
    );
    const listener = start({
      plan: buildPlan([
        buildSubscription({ id: 1, actions: [failing] }),
        buildSubscription({ id: 2, actions: [failing] }),
      ]),
      withWorker: false,
    });
    const message = buildMessage();
    listener.pipeline.accept(message);
    await waitFor(() => message.isSettled);
    const later = start({
      plan: buildPlan([buildSubscription({ id: 2, actions: [buildAction(() => SUCCEEDED, 'new')] })]),
    });
    await waitFor(async () => (await later.store.counts()).dead === 1);
    await waitFor(() => later.pipeline.counters.deliveries_succeeded === 1);
    const [letter] = (await later.store.listDeadLetters({})).items;
    expect(letter).toMatchObject({ subscription_id: 1, error: 'subscription 1 does not exist or is disabled' });
    expect(unaccounted(later.pipeline)).toBe(0);
  });

  it('keeps the order of a key through a retry although all of its messages are acknowledged', async () => {
    let failures = 3;
    const ended: string[] = [];
    receiver.answer = (_request, body, response) => {
      if (body === '0' && failures > 0) {
        failures -= 1;
        response.statusCode = 503;
      } else ended.push(body);
      response.end();
    };
    const action = postAction(receiver, 'a1', { base_delay_ms: 150 });
    const listener = start({
      plan: buildPlan([buildSubscription({ ordering: 'topic', actions: [action] })], { handover_after_ms: 5 }),
    });
    const messages = Array.from({ length: 10 }, (_, index) => buildMessage({ text: `${index}` }));
    for (const message of messages) listener.pipeline.accept(message);
    await waitFor(() => messages.every((message) => message.isSettled));
    await waitFor(() => ended.length === 10);
    expect(ended).toEqual(messages.map((message) => message.payload.toString()));
    await waitFor(async () => (await listener.store.counts()).waiting === 0);
  });

  it('loses no dead letter to texts that a store refuses, at the first attempt and after a retry', async () => {
    const hostile = 'a\u0000b\ud800c\udc00d';
    let isPermanent = false;
    const failing = buildAction(() => ({
      kind: 'failed',
      permanent: isPermanent,
      error: hostile,
      response_excerpt: hostile,
      retry_after_ms: isPermanent ? null : 200,
    }));
    Object.assign(failing, { retry: { max_attempts: 1_000 } });
    const subscription = buildSubscription({ ordering: 'topic', actions: [failing], orderingKey: () => hostile });
    const listener = start({ plan: buildPlan([buildSubscription({ actions: [failing] }), subscription]) });
    const message = buildMessage({
      properties: { ...NO_PROPERTIES, user_properties: { [hostile]: [hostile] }, content_type: hostile },
    });
    listener.pipeline.accept(message);
    await waitFor(() => message.isSettled);
    // Through the queue and its worker a few times.
    await waitFor(() => listener.pipeline.counters.deliveries_taken >= 2);
    isPermanent = true;
    await waitFor(async () => (await listener.store.counts()).dead === 2, { timeout_ms: 20_000 });
    const atOnce = buildMessage({ properties: { ...NO_PROPERTIES, user_properties: { n: hostile } } });
    listener.pipeline.accept(atOnce);
    await waitFor(async () => (await listener.store.counts()).dead === 4, { timeout_ms: 20_000 });
    expect(atOnce.isSettled).toBe(true);
    const { items } = await listener.store.listDeadLetters({});
    for (const item of items) expect(item.error).toBe('a\ufffdb\ufffdc\ufffdd');
    expect(unaccounted(listener.pipeline)).toBe(0);
    expect(listener.pipeline.dropped).toEqual([]);
  });

  it('runs what a listener that died has left of a key before what comes after the start', async () => {
    const gated = buildGatedAction();
    const dying = start({
      plan: buildPlan([buildSubscription({ ordering: 'topic', actions: [gated.action] })]),
      limits: { lease_ms: 3_000 },
      withWorker: false,
    });
    const old = Array.from({ length: 8 }, (_, n) => buildMessage({ text: `${n}` }));
    for (const message of old) dying.pipeline.accept(message);
    await waitFor(() => dying.handover.held() === 8);
    listeners.splice(listeners.indexOf(dying), 1);
    await dying.kill();
    const noting = buildAction(async (delivery) => {
      receiver.bodies.push(delivery.message.payload.toString());
      await new Promise((resolve) => setImmediate(resolve));
      return SUCCEEDED;
    });
    const next = start({
      plan: buildPlan([buildSubscription({ ordering: 'topic', actions: [noting] })]),
      guardsOrder: true,
    });
    const fresh = Array.from({ length: 8 }, (_, n) => buildMessage({ text: `${n + 8}` }));
    for (const message of fresh) next.pipeline.accept(message);
    const other = buildMessage({ topic: 'orders/other', text: 'other' });
    next.pipeline.accept(other);
    // Another key waits for nobody.
    await waitFor(() => other.isSettled);
    await waitFor(() => new Set(receiver.bodies).size === 17, { timeout_ms: 30_000 });
    const ran = [...new Set(receiver.bodies)].filter((body) => body !== 'other');
    expect(ran).toEqual(Array.from({ length: 16 }, (_, n) => `${n}`));
    await waitFor(() => fresh.every((message) => message.isSettled));
    expect(unaccounted(next.pipeline)).toBe(0);
  });

  it('has one delivery look at a destination that is away while the others do not move, and calls them when it is back', async () => {
    let isAway = true;
    let looks = 0;
    const action = buildAction(() => {
      if (!isAway) return SUCCEEDED;
      looks += 1;
      return { kind: 'deferred', error: 'left alone', retry_after_ms: 100, destination: 'http://away.example' };
    });
    const options = { plan: buildPlan([buildSubscription({ actions: [action] })]) };
    const first = start(options);
    const messages = Array.from({ length: 150 }, () => buildMessage());
    for (const message of messages) first.pipeline.accept(message);
    await waitFor(() => messages.every((message) => message.isSettled));
    const looks_before = looks;
    const until_ms = Date.now() + 4_000;
    await waitFor(() => Date.now() > until_ms);
    // Only the one that looks, after one and two seconds.
    expect(looks - looks_before).toBeLessThanOrEqual(4);
    const [waiting] = (await first.store.listWaiting({})).items;
    expect(waiting).toMatchObject({ attempts_made: 0, error: null });
    // A restart forgets nothing: whoever starts finds one to look.
    listeners.splice(listeners.indexOf(first), 1);
    await first.stop();
    isAway = false;
    const second = start({ ...options, guardsOrder: true });
    await waitFor(() => second.pipeline.counters.deliveries_succeeded > 30, { timeout_ms: 30_000 });
    // It ends in the middle of calling them: the one that looked has been delivered, and nobody is left who would call the rest.
    listeners.splice(listeners.indexOf(second), 1);
    await second.stop();
    const third = start({ ...options, guardsOrder: true });
    await waitFor(
      async () => {
        const { waiting, active } = await third.store.counts();
        return waiting + active === 0;
      },
      { timeout_ms: 30_000 },
    );
    const succeeded = [second, third].map(({ pipeline }) => pipeline.counters.deliveries_succeeded);
    expect((succeeded[0] ?? 0) + (succeeded[1] ?? 0)).toBe(150);
  });

  it('calls those that wait for a destination when a delivery of this process finds it back before the queue has taken them', async () => {
    let isAway = true;
    let isSlow = true;
    const action = buildAction(() =>
      isAway
        ? { kind: 'deferred', error: 'left alone', retry_after_ms: 100, destination: 'http://away.example' }
        : SUCCEEDED,
    );
    const gated = buildGatedAction();
    const [slow, waiting] = [
      buildSubscription({ id: 1, actions: [gated.action] }),
      buildSubscription({ id: 2, actions: [action] }),
    ];
    let writes = 0;
    const listener = start({
      plan: buildPlan([slow, waiting], { route: ({ topic }) => [topic === 'slow' ? slow : waiting] }),
      journal: (real) => ({
        ...real,
        write: async (entries) => {
          writes += 1;
          await waitFor(() => !isSlow, { timeout_ms: 30_000 });
          await real.write(entries);
        },
      }),
    });
    listener.pipeline.accept(buildMessage({ topic: 'slow' }));
    // Its lease is being written when the others are told to wait.
    await waitFor(() => writes === 1);
    const messages = Array.from({ length: 50 }, () => buildMessage());
    for (const message of messages) listener.pipeline.accept(message);
    isAway = false;
    // The one that looks has not been given to the queue yet: it runs here.
    await waitFor(() => listener.pipeline.counters.deliveries_succeeded >= 1);
    isSlow = false;
    await waitFor(() => listener.pipeline.counters.deliveries_succeeded === 50, { timeout_ms: 20_000 });
    gated.finish(0);
    await waitFor(() => unaccounted(listener.pipeline) === 0);
  });

  it('gives everything that waits to the queue when it stops', async () => {
    const gated = buildGatedAction();
    const stopping = start({
      plan: buildPlan([buildSubscription({ concurrency: 1, actions: [gated.action] })], { handover_after_ms: 60_000 }),
      withWorker: false,
    });
    const messages = Array.from({ length: 10 }, (_, index) => buildMessage({ text: `${index}` }));
    for (const message of messages) stopping.pipeline.accept(message);
    stopping.handover.handOverAll();
    await waitFor(() => messages.every((message) => message.isSettled));
    expect(stopping.pipeline.engine.in_flight).toBe(1);
    gated.finish(0);
    await stopping.pipeline.drain();
    await stopping.handover.stop();
    const next = start({ plan: buildPlan([buildSubscription({ actions: [postAction(receiver)] })]) });
    await waitFor(() => next.pipeline.counters.deliveries_succeeded === 9);
    expect(new Set(receiver.bodies).size).toBe(9);
  });
});

describe('a queue that takes nothing for a reason of its own', () => {
  let redis: Redis;
  let client: RedisClient;
  let listener: TestListener;

  beforeAll(async () => {
    redis = await startRedis();
    await prepare(redis.url);
    client = new RedisClient(redis.url);
  });

  afterAll(async () => {
    await listener.stop();
    client.disconnect();
    await redis.stop();
  });

  it('gets its dead letters once it takes them, and the broker holds their messages until then', async () => {
    // Such as a replica that is down, or a right that was taken away: it is not for what is in the delivery.
    await client.config('SET', 'min-replicas-to-write', '1');
    const poison = buildAction(() => ({ kind: 'failed', permanent: true, error: 'poison' }));
    listener = startListener({
      url: redis.url,
      product_id: 1,
      plan: buildPlan([buildSubscription({ actions: [poison] })]),
    });
    const messages = Array.from({ length: 3 }, () => buildMessage());
    for (const message of messages) listener.pipeline.accept(message);
    await waitFor(() => !listener.handover.isQueueAvailable());
    expect(messages.some((message) => message.isSettled)).toBe(false);
    expect(listener.pipeline.dropped).toEqual([]);
    await client.config('SET', 'min-replicas-to-write', '0');
    await waitFor(() => messages.every((message) => message.isSettled));
    await waitFor(async () => (await listener.store.counts()).dead === 3);
  });
});
