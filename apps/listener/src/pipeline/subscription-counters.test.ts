import { buildAction, buildMessage, buildPipeline, buildPlan, buildSubscription } from './pipeline.testing';

it('gives what has come since the last time, and nothing of quiet subscriptions', () => {
  const plan = buildPlan([buildSubscription({ id: 1 }), buildSubscription({ id: 2 })]);
  const pipeline = buildPipeline({ plan: { ...plan, route: () => [plan.subscription(1)!] } });
  for (let count = 0; count < 3; count += 1) pipeline.accept(buildMessage());
  expect(pipeline.takeCounterNews()).toMatchObject([{ subscription_id: 1, messages_received: 3, actions_executed: 3 }]);
  expect(pipeline.takeCounterNews()).toEqual([]);
  pipeline.accept(buildMessage());
  expect(pipeline.takeCounterNews()).toMatchObject([{ messages_received: 1, actions_attempted: 1 }]);
});

it('loses nothing of a subscription that goes between two reports', () => {
  const pipeline = buildPipeline({ plan: buildPlan([buildSubscription({ id: 1 })]) });
  const received_at_ms = Date.parse('2030-01-01T00:00:00Z');
  for (let count = 0; count < 5; count += 1) pipeline.accept(buildMessage({ received_at_ms }));
  pipeline.apply(buildPlan([]));
  expect(pipeline.lastMessageAt()).toBe(received_at_ms);
  pipeline.apply(buildPlan([buildSubscription({ id: 1 })]));
  pipeline.accept(buildMessage());
  const news = pipeline.takeCounterNews();
  expect(news.reduce((sum, { messages_received }) => sum + messages_received, 0)).toBe(6);
  expect(news[0]).toMatchObject({ messages_received: 5, last_message_at: '2030-01-01T00:00:00.000Z' });
});

it('has attempts, successes and failures as three numbers, and a deferral as none', async () => {
  const outcomes = [
    { kind: 'deferred' as const, error: 'left alone', retry_after_ms: 1 },
    { kind: 'failed' as const, error: 'no', permanent: false },
    { kind: 'succeeded' as const },
  ];
  const action = buildAction(() => outcomes.shift() ?? { kind: 'succeeded' });
  const pipeline = buildPipeline({ plan: buildPlan([buildSubscription({ actions: [action] })]) });
  const message = buildMessage();
  pipeline.accept(message);
  await pipeline.drain();
  expect(pipeline.counters).toMatchObject({ actions_attempted: 2, actions_executed: 1, actions_failed: 1 });
});
