import { waitFor } from '@cortex-mqtt/testing';
import type { RestClient } from './rest-client';

const PATIENCE_MS = 90_000;

export interface Status {
  connected: boolean;
  state: string;
  desired_revision: number;
  applied_revision: number | null;
  connection_error: string | null;
  messages_received: number;
  last_message_at: string | null;
  last_connected_at: string | null;
  subscribed_topics_count: number;
  client_id: string | null;
  recovery: { attempt: number; next_try_at: string | null; reason: string | null; gives_up: string } | null;
  warnings: { code: string; instance_id: string }[];
  flow: {
    counters: {
      messages_received: number;
      matched: number;
      unmatched: number;
      deliveries: number;
      succeeded: number;
      failed: number;
      in_flight: number;
      queued: number;
      dead: number;
    };
  };
  instances: {
    id: string;
    state: string;
    applied_revision: number | null;
    config_source: string | null;
    brokers: { name: string; state: string }[];
    report: Record<string, unknown> & {
      pid: number;
      reason_code: string | null;
      reported_at: string;
      connected_at: string | null;
      counters: Record<string, number>;
      subscribed: { wanted: number; granted: number };
      in_flight: number;
    };
  }[];
}

export interface SubscriptionAnswer {
  id: number;
  name: string;
  messages_received: number;
  actions_executed: number;
  actions_failed: number;
}

export interface ProductWishes {
  name: string;
  broker?: Record<string, unknown>;
  topics?: Record<string, unknown>;
  delivery?: Record<string, unknown>;
  subscriptions?: Record<string, unknown>[];
}

/** What the counters of a status don't account for; both 0 at every moment. */
export function unaccounted({ flow: { counters } }: Status): { messages: number; deliveries: number } {
  const { messages_received, matched, unmatched, deliveries, succeeded, failed, in_flight, queued, dead } = counters;
  return {
    messages: messages_received - matched - unmatched,
    deliveries: deliveries - succeeded - failed - in_flight - queued - dead,
  };
}

/** A product made over REST, and what tests ask of it again and again. */
export interface TestProduct {
  id: number;
  slug: string;
  listener_token: string;
  listener_token_id: number;
  /** Path of its configuration, below /api/v1. */
  path: string;
  configure(config: Record<string, unknown>): Promise<{ revision: number }>;
  addSubscription(subscription: Record<string, unknown>): Promise<SubscriptionAnswer>;
  status(): Promise<Status>;
  /** Waits until the status is as wanted; the last one is told at the timeout. */
  untilStatus(what: string, wanted: (status: Status) => boolean, timeout_ms?: number): Promise<Status>;
  /** Connected, and every revision applied. */
  untilSettled(timeout_ms?: number): Promise<Status>;
}

let number = 0;

export async function createProduct(rest: RestClient, wishes: ProductWishes): Promise<TestProduct> {
  number += 1;
  const { id, slug } = await rest.call<{ id: number; slug: string }>('POST', '/products', {
    name: `${wishes.name} ${number}`,
    slug: `${wishes.name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-${process.pid}-${number}`,
  });
  const path = `/products/${id}/mqtt-config`;
  const { token, id: token_id } = await rest.call<{ token: string; id: number }>(
    'POST',
    `/products/${id}/listener-tokens`,
    { name: 'test' },
  );
  const product: TestProduct = {
    id,
    slug,
    listener_token: token,
    listener_token_id: token_id,
    path,
    configure: (config) => rest.call('PUT', path, config),
    addSubscription: (subscription) => rest.call('POST', `${path}/subscriptions`, subscription),
    status: () => rest.call('GET', `${path}/status`),
    untilStatus(what, wanted, timeout_ms = PATIENCE_MS) {
      let last: Status | null = null;
      return waitFor(
        async () => {
          last = await product.status();
          return wanted(last) && last;
        },
        { timeout_ms, interval_ms: 25, message: () => `${what}; the status is ${JSON.stringify(last, null, 1)}` },
      );
    },
    untilSettled: (timeout_ms) =>
      product.untilStatus(
        'the listener to be connected and subscribed with the newest revision',
        ({ state, applied_revision, desired_revision, instances }) =>
          state === 'connected' &&
          applied_revision === desired_revision &&
          instances.every(({ report: { subscribed } }) => subscribed.granted === subscribed.wanted),
        timeout_ms,
      ),
  };
  const { broker, topics, delivery } = wishes;
  if (broker || topics || delivery) {
    await product.configure({
      ...(broker ? { broker } : {}),
      ...(topics ? { topics } : {}),
      ...(delivery ? { delivery } : {}),
    });
  }
  for (const subscription of wishes.subscriptions ?? []) await product.addSubscription(subscription);
  return product;
}
