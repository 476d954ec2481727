import { ConcurrencyGate } from './concurrency-gate';
import { Delivery, MessageSlot } from './delivery';
import { buildMessage, buildSubscription } from './pipeline.testing';
import { createSampleBudget, RecentMessages } from './recent-messages';
import { SubscriptionRuntime } from './subscription-runtime';

const buildRuntime = (id: number) =>
  new SubscriptionRuntime<Delivery>(id, new RecentMessages({ budget: createSampleBudget() }));

const buildDelivery = (runtime: SubscriptionRuntime<Delivery>) =>
  new Delivery(new MessageSlot(buildMessage({ text: 'x' }), 1, () => 'm'), buildSubscription(), runtime, 1);

describe('places for deliveries', () => {
  it('go to the next subscription that waits when what waited of others was given away', () => {
    const started: Delivery[] = [];
    const gate = new ConcurrencyGate({ max_running: 1, max_running_each: 1, max_running_bytes: 1_000 }, (delivery) =>
      started.push(delivery),
    );
    const [running, given_away, waits] = [1, 2, 3].map((id) => buildDelivery(buildRuntime(id))) as [
      Delivery,
      Delivery,
      Delivery,
    ];
    for (const delivery of [running, given_away, waits]) gate.enter(delivery);
    expect(started).toEqual([running]);
    gate.forget(given_away);
    gate.leave(running);
    expect(started).toEqual([running, waits]);
  });
});
