import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { waitFor } from '@cortex-mqtt/testing';
import type { ActionOutcome } from './compiled-plan';
import { SKIPPED, SUCCEEDED } from './compiled-plan';
import {
  buildAction,
  buildGatedAction,
  buildMessage,
  buildPipeline,
  buildPlan,
  buildSubscription,
  unaccounted,
} from './pipeline.testing';

const transient: ActionOutcome = { kind: 'failed', permanent: false, error: 'HTTP 503', status: 503 };
const permanent: ActionOutcome = { kind: 'failed', permanent: true, error: 'HTTP 410', status: 410 };

describe('the message pipeline', () => {
  it('settles a message at once when its actions end at once', () => {
    const ran: string[] = [];
    const action = buildAction((delivery) => {
      ran.push(delivery.message.topic);
      return SUCCEEDED;
    });
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription({ actions: [action] })]) });
    const message = buildMessage();
    pipeline.accept(message);
    expect(ran).toEqual(['orders/created']);
    expect(message.isSettled).toBe(true);
    expect(pipeline.counters).toMatchObject({ messages_matched: 1, deliveries_succeeded: 1, actions_executed: 1 });
    expect(unaccounted(pipeline)).toBe(0);
  });

  it('settles a message that matches nothing and counts it as unmatched', () => {
    const pipeline = buildPipeline({ plan: buildPlan([], { route: () => [] }) });
    const message = buildMessage();
    pipeline.accept(message);
    expect(message.isSettled).toBe(true);
    expect(pipeline.counters).toMatchObject({ messages_received: 1, messages_matched: 0, messages_unmatched: 1 });
  });

  it('settles a message only when the last action of every subscription has succeeded', async () => {
    const first = buildGatedAction();
    const second = buildGatedAction();
    const pipeline = buildPipeline({
      plan: buildPlan([
        buildSubscription({ id: 1, actions: [first.action] }),
        buildSubscription({ id: 2, actions: [second.action] }),
      ]),
    });
    const message = buildMessage();
    pipeline.accept(message);
    first.finish(0);
    await waitFor(() => pipeline.engine.in_flight === 1);
    expect(message.isSettled).toBe(false);
    second.finish(0);
    await waitFor(() => message.isSettled);
  });

  it('runs the actions of a delivery in order, and those after a failing one too', async () => {
    const ran: string[] = [];
    let failures = 1;
    const actions = [
      buildAction(async () => {
        ran.push('one');
        return SUCCEEDED;
      }, 'one'),
      buildAction(() => {
        ran.push('two');
        failures -= 1;
        return failures >= 0 ? transient : SUCCEEDED;
      }, 'two'),
      buildAction(() => {
        ran.push('three');
        return SUCCEEDED;
      }, 'three'),
    ];
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription({ actions })]) });
    const message = buildMessage();
    pipeline.accept(message);
    await waitFor(() => message.isSettled);
    expect(ran).toEqual(['one', 'two', 'three', 'two']);
    expect(pipeline.counters).toMatchObject({
      actions_attempted: 4,
      actions_executed: 3,
      actions_failed: 1,
      deliveries_succeeded: 1,
    });
  });

  it('tries a failing delivery again without a queue while the broker holds the message', async () => {
    let runs = 0;
    const action = buildAction(() => {
      runs += 1;
      return runs < 4 ? transient : SUCCEEDED;
    });
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription({ actions: [action] })]) });
    const message = buildMessage();
    pipeline.accept(message);
    expect(message.isSettled).toBe(false);
    await waitFor(() => message.isSettled);
    expect(runs).toBe(4);
    expect(unaccounted(pipeline)).toBe(0);
  });

  it('gives a delivery up at once for a permanent fault and after its last attempt for others', async () => {
    const pipeline = buildPipeline({
      plan: buildPlan([
        buildSubscription({ id: 1, actions: [buildAction(() => permanent)] }),
        buildSubscription({ id: 2, actions: [{ id: 'a1', retry: { max_attempts: 3 }, run: () => transient }] }),
      ]),
    });
    const message = buildMessage();
    pipeline.accept(message);
    await waitFor(() => message.isSettled);
    expect(pipeline.dropped).toEqual(['HTTP 410', 'HTTP 503 (given up after 3 attempts)']);
    expect(pipeline.counters).toMatchObject({ deliveries_failed: 2, actions_failed: 4 });
    expect(unaccounted(pipeline)).toBe(0);
  });

  it('takes an exception of an action for a permanent fault', async () => {
    const pipeline = buildPipeline({
      plan: buildPlan([
        buildSubscription({
          id: 1,
          actions: [
            buildAction(() => {
              throw new Error('bad expression');
            }),
          ],
        }),
        buildSubscription({ id: 2, actions: [buildAction(() => Promise.reject(new Error('worse')))] }),
      ]),
    });
    const message = buildMessage();
    pipeline.accept(message);
    await waitFor(() => message.isSettled);
    expect(pipeline.dropped.sort()).toEqual(['bad expression', 'worse']);
  });

  it('leaves out what a filter refuses, without a delivery, and counts a faulty filter as a failed delivery', async () => {
    const ran: number[] = [];
    const action = buildAction((delivery) => {
      ran.push(delivery.subscription.definition.id);
      return SUCCEEDED;
    });
    const pipeline = buildPipeline({
      plan: buildPlan([
        buildSubscription({ id: 1, filter: () => false, actions: [action] }),
        buildSubscription({ id: 2, filter: async () => true, actions: [action] }),
        buildSubscription({ id: 3, filter: async () => false, actions: [action] }),
        buildSubscription({ id: 4, filter: () => true, actions: [action] }),
        buildSubscription({ id: 5, filter: () => Promise.reject(new Error('line 1: no')), actions: [action] }),
        buildSubscription({
          id: 6,
          filter: () => {
            throw new Error('not JSON at line 1, column 2');
          },
          actions: [action],
        }),
      ]),
    });
    const message = buildMessage();
    pipeline.accept(message);
    await waitFor(() => message.isSettled);
    expect(ran.sort()).toEqual([2, 4]);
    expect(pipeline.dropped.sort()).toEqual(['line 1: no', 'not JSON at line 1, column 2']);
    expect(pipeline.counters.deliveries_started).toBe(4);
    expect(unaccounted(pipeline)).toBe(0);
  });

  it('counts an action whose condition is false as done but not as executed', () => {
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription({ actions: [buildAction(() => SKIPPED)] })]) });
    const message = buildMessage();
    pipeline.accept(message);
    expect(message.isSettled).toBe(true);
    expect(pipeline.counters).toMatchObject({ actions_executed: 0, deliveries_succeeded: 1 });
  });

  it('runs no more at once than a subscription and the whole allow, and lets subscriptions take turns', async () => {
    const busy = buildGatedAction();
    const calm = buildGatedAction();
    const pipeline = buildPipeline({
      limits: { max_running: 7 },
      plan: buildPlan([], {
        subscription: () => undefined,
        route: (message) => [message.topic === 'busy' ? busySubscription : calmSubscription],
      }),
    });
    const busySubscription = buildSubscription({ id: 1, concurrency: 2, actions: [busy.action] });
    const calmSubscription = buildSubscription({ id: 2, actions: [calm.action] });
    for (let count = 0; count < 5; count += 1) pipeline.accept(buildMessage({ topic: 'busy' }));
    for (let count = 0; count < 5; count += 1) pipeline.accept(buildMessage({ topic: 'calm' }));
    expect([busy.begun.length, calm.begun.length]).toEqual([2, 1]);
    busy.finish(0);
    await waitFor(() => busy.begun.length + calm.begun.length === 4);
    busy.finish(1);
    await waitFor(() => busy.begun.length + calm.begun.length === 5);
    expect(calm.begun.length).toBeGreaterThanOrEqual(2);
    expect(pipeline.engine.gate.running).toBe(3);
  });

  it('leaves places for others however many subscriptions hang, and shares them out again when they end', async () => {
    const HANGING = 10;
    const hanging = Array.from({ length: HANGING }, () => buildGatedAction());
    const well = buildGatedAction();
    const subscriptions = hanging.map(({ action }, index) => buildSubscription({ id: index + 1, actions: [action] }));
    const another = buildSubscription({ id: 100, actions: [well.action] });
    const pipeline = buildPipeline({
      limits: { max_running: 200, max_running_each: 40 },
      plan: buildPlan([], {
        route: ({ topic }) => [topic === 'well' ? another : (subscriptions[Number(topic)] ?? another)],
      }),
    });
    for (let index = 0; index < 60; index += 1) pipeline.accept(buildMessage({ topic: '0' }));
    // Alone it may take all that is one subscription's.
    expect(hanging[0]?.begun).toHaveLength(40);
    for (let round = 0; round < 60; round += 1) {
      for (let index = 1; index < HANGING; index += 1) pipeline.accept(buildMessage({ topic: `${index}` }));
    }
    expect(pipeline.engine.gate.running).toBeLessThan(180);
    for (let index = 0; index < 5; index += 1) pipeline.accept(buildMessage({ topic: 'well' }));
    expect(well.begun.length).toBe(5);
    const begunBy = () => hanging.map(({ begun }) => begun.length);
    const shares = begunBy();
    for (let index = 0; index < 40; index += 1) hanging[0]?.finish(index);
    await waitFor(() => begunBy().every((begun, index) => begun > (shares[index] ?? 0)));
  });

  it('runs no more bytes at once than allowed, but one message of any size', async () => {
    const big = buildGatedAction();
    const small = buildGatedAction();
    const huge = buildGatedAction();
    const subscriptions = new Map([
      ['big', buildSubscription({ id: 1, actions: [big.action] })],
      ['small', buildSubscription({ id: 2, actions: [small.action] })],
      ['huge', buildSubscription({ id: 3, actions: [huge.action] })],
    ]);
    const pipeline = buildPipeline({
      limits: { max_running_bytes: 1_000 },
      plan: buildPlan([], { route: ({ topic }) => [subscriptions.get(topic)].filter((found) => found !== undefined) }),
    });
    const accept = (topic: string, bytes: number) =>
      pipeline.accept(buildMessage({ topic, payload: Buffer.alloc(bytes) }));
    for (let index = 0; index < 10; index += 1) accept('big', 50);
    expect(big.begun).toHaveLength(4);
    for (let index = 0; index < 10; index += 1) accept('small', 1);
    expect(small.begun).toHaveLength(10);
    accept('huge', 5_000);
    accept('huge', 5_000);
    expect(huge.begun).toHaveLength(1);
    for (let index = 0; index < 4; index += 1) big.finish(index);
    await waitFor(() => pipeline.engine.gate.running_bytes === 5_010);
    // Beyond the bound nothing begins.
    accept('small', 1);
    expect([big.begun.length, small.begun.length]).toEqual([4, 10]);
    huge.finish(0);
    await waitFor(() => huge.begun.length === 2);
    huge.finish(1);
    await waitFor(() => {
      for (const index of big.begun.keys()) big.finish(index);
      for (const index of small.begun.keys()) small.finish(index);
      return pipeline.engine.in_flight === 0;
    });
    expect([big.begun.length, small.begun.length]).toEqual([10, 11]);
    expect(pipeline.engine.gate).toMatchObject({ running: 0, running_bytes: 0, waiting: 0 });
  });

  it('runs deliveries of one key one after another, through a retry too, and others beside them', async () => {
    const log: string[] = [];
    let failed = false;
    const action = buildAction(async (delivery) => {
      const text = delivery.message.payload.toString();
      log.push(`${text} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      if (text === 'a1' && !failed) {
        failed = true;
        return transient;
      }
      log.push(`${text} ends`);
      return SUCCEEDED;
    });
    const pipeline = buildPipeline({
      plan: buildPlan([
        buildSubscription({
          actions: [action],
          // Slower for the first: an order by the speed of the expression would be wrong.
          orderingKey: async (delivery) => {
            const text = delivery.message.payload.toString();
            if (text === 'a1') await new Promise((resolve) => setTimeout(resolve, 20));
            return text.charAt(0);
          },
        }),
      ]),
    });
    const messages = ['a1', 'a2', 'b1', 'a3'].map((text) => buildMessage({ text }));
    for (const message of messages) pipeline.accept(message);
    await waitFor(() => messages.every((message) => message.isSettled));
    expect(log.filter((line) => line.startsWith('a'))).toEqual([
      'a1 begins',
      'a1 begins',
      'a1 ends',
      'a2 begins',
      'a2 ends',
      'a3 begins',
      'a3 ends',
    ]);
    expect(log.indexOf('b1 begins')).toBeLessThan(log.indexOf('a1 ends'));
    expect(pipeline.runtime(1).lanes.size).toBe(0);
  });

  it('lets ten thousand ordered deliveries that end at once go through without deepening the stack', async () => {
    const gated = buildGatedAction();
    const action = buildAction((delivery) =>
      delivery.message.payload.toString() === 'first' ? gated.action.run(delivery) : SUCCEEDED,
    );
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription({ ordering: 'topic', actions: [action] })]) });
    pipeline.accept(buildMessage({ text: 'first' }));
    for (let count = 0; count < 10_000; count += 1) pipeline.accept(buildMessage());
    expect(pipeline.engine.in_flight).toBe(10_001);
    gated.finish(0);
    await pipeline.drain();
    expect(pipeline.counters.deliveries_succeeded).toBe(10_001);
  });

  it('ends deliveries under way by the revision they began with and runs new ones by the new', async () => {
    const old = buildGatedAction('old');
    const ran: string[] = [];
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription({ actions: [old.action] })]) });
    const first = buildMessage();
    pipeline.accept(first);
    pipeline.apply(
      buildPlan(
        [
          buildSubscription({
            revision: 2,
            actions: [
              buildAction((delivery) => {
                ran.push(`${delivery.subscription.revision}`);
                return SUCCEEDED;
              }, 'new'),
            ],
          }),
        ],
        { revision: 2 },
      ),
    );
    pipeline.accept(buildMessage());
    expect(ran).toEqual(['2']);
    expect(old.begun[0]?.subscription.revision).toBe(1);
    old.finish(0);
    await waitFor(() => first.isSettled);
    expect(pipeline.subscriptionCounters()).toEqual([
      expect.objectContaining({ subscription_id: 1, messages_received: 2, actions_executed: 2 }),
    ]);
  });

  it('keeps nothing of a message that has ended, but its copy among the recent ones', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription()]) });
    const accept = () => {
      const message = buildMessage();
      pipeline.accept(message);
      return new WeakRef(message);
    };
    const ended = accept();
    await waitFor(() => {
      collect();
      return ended.deref() === undefined;
    });
    expect(pipeline.recentMessages(1)).toHaveLength(1);
  });

  it('keeps recent messages, newest first, with the payload cut off', () => {
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription()]) });
    pipeline.accept(buildMessage({ text: 'old', received_at_ms: 1_000 }));
    pipeline.accept(buildMessage({ text: 'x'.repeat(10_000), received_at_ms: 2_000 }));
    const [newest, oldest] = pipeline.recentMessages(1);
    expect(newest).toMatchObject({ payload_truncated: true, payload_bytes: 10_000 });
    expect(Buffer.from(newest?.payload_base64 ?? '', 'base64')).toHaveLength(8_192);
    expect(Buffer.from(oldest?.payload_base64 ?? '', 'base64').toString()).toBe('old');
  });

  it('writes a line for each message and outcome when asked to', async () => {
    const lines: string[] = [];
    const pipeline = buildPipeline({
      eventLog: (delivery, event) => lines.push(`${event} ${delivery.message_id}`),
      plan: buildPlan([buildSubscription({ actions: [buildAction(() => permanent)] })]),
    });
    pipeline.accept(buildMessage());
    expect(lines).toEqual(['failed m-0']);
  });
});
