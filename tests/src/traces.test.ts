import {
  type HttpReceiver,
  type Mosquitto,
  type OtlpReceiver,
  type ReceivedSpan,
  startHttpReceiver,
  startMosquitto,
  startOtlpReceiver,
  waitFor,
} from '@cortex-mqtt/testing';
import { Queue } from 'bullmq';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';
import type { TestProduct } from './harness/product';

jest.setTimeout(240_000);

const PUBLISHER = '00f067aa0ba902b7';
const CONSUMER = 5;

let collector: OtlpReceiver;
let hook: HttpReceiver;
let broker: Mosquitto;
let stack: Stack;
let product: TestProduct;
let listener: TestListener;
let publisher: Publisher;

beforeAll(async () => {
  [collector, hook, broker, stack] = await Promise.all([
    startOtlpReceiver(),
    startHttpReceiver(),
    startMosquitto(),
    startStack({ queue: 'redis' }),
  ]);
  product = await stack.newProduct({
    name: 'traces',
    broker: { host: '127.0.0.1', port: broker.port },
    topics: { qos: 1 },
    subscriptions: [
      {
        name: 'orders',
        topic: 'orders/{+order_id}',
        actions: [
          {
            id: 'hook',
            type: 'webhook',
            url: `${hook.url}/orders/{{params.order_id}}`,
            retry: { base_delay_ms: 50, max_delay_ms: 200 },
          },
        ],
      },
      {
        name: 'forwarded',
        topic: 'in/{+order_id}',
        actions: [
          { id: 'on', type: 'publish', topic: 'orders/{{params.order_id}}' },
          { id: 'job', type: 'queue', queue: 'traced-jobs', job_name: 'order' },
          { id: 'line', type: 'log', message: 'order {{params.order_id}} came' },
        ],
      },
    ],
  });
  listener = await stack.startListener(product, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
  await product.untilSettled();
  publisher = await startPublisher(broker.url);
});

afterAll(async () => {
  await publisher?.end();
  await stack?.stop();
  await broker?.stop();
  await hook?.stop();
  await collector?.stop();
});

async function publish(topic: string, trace_id: string): Promise<void> {
  await publisher.client.publishAsync(topic, '{}', {
    qos: 1,
    properties: { userProperties: { traceparent: `00-${trace_id}-${PUBLISHER}-01`, tracestate: 'lab=1' } },
  });
}

const calls = (path: string) => hook.requests.filter(({ url }) => url === path);
const traceparentOf = (call: HttpReceiver['requests'][number]): string => String(call.headers.traceparent);

/** From the span that a request names, upwards: names, ending with the publisher where nothing is missing. */
function wayUp(spans: ReceivedSpan[], traceparent: string): string[] {
  const [, trace_id, span_id] = traceparent.split('-');
  const way: string[] = [];
  for (let id = span_id; ; ) {
    if (id === PUBLISHER) return [...way, 'publisher'];
    const span = spans.find((one) => one.trace_id === trace_id && one.span_id === id);
    if (span === undefined) return [...way, `missing ${id}`];
    way.push(span.name);
    id = span.parent_span_id;
  }
}

it('leads from the publisher through a republished message and its retries to the webhook', async () => {
  const trace_id = '1'.repeat(32);
  hook.answerWith((_request, count) => ({ status: count <= 3 ? 503 : 200 }));
  await publish('in/7', trace_id);
  await waitFor(() => calls('/orders/7').length === 4, { timeout_ms: PATIENCE_MS });
  const ofTrace = (spans: ReceivedSpan[]) => spans.filter((span) => span.trace_id === trace_id);
  const spans = ofTrace(
    await collector.until(
      'four attempts of the webhook',
      (all) => ofTrace(all).filter(({ name }) => name === 'POST').length === 4,
    ),
  );
  for (const call of calls('/orders/7')) {
    expect(wayUp(spans, traceparentOf(call))).toEqual([
      'POST',
      'process orders/{order_id}',
      'publish',
      'process in/{order_id}',
      'publisher',
    ]);
    expect(call.headers.tracestate).toBe('lab=1');
  }
  expect(new Set(calls('/orders/7').map(traceparentOf)).size).toBe(4);
  // The first runs were in the listener's memory, the others came from the queue and say which run was before.
  const runs = spans.filter(({ name }) => name === 'process orders/{order_id}').sort((a, b) => a.start_ms - b.start_ms);
  expect(runs.length).toBeGreaterThan(1);
  expect(runs[0]?.links).toEqual([]);
  for (const [at, run] of runs.slice(1).entries()) {
    expect(run.links).toEqual([{ trace_id, span_id: runs[at]?.span_id }]);
  }
  expect(
    spans.filter(({ name }) => name === 'POST').map(({ attributes }) => attributes['cortex_mqtt.attempt']),
  ).toEqual(expect.arrayContaining([1, 2, 3, 4]));
  expect(spans.find(({ name, status }) => name === 'POST' && status.code === 2)?.attributes).toMatchObject({
    'http.response.status_code': 503,
    'error.type': '503',
    'server.address': '127.0.0.1',
  });
});

it('is in jobs of a queue, where BullMQ’s telemetry looks for it, and in the log', async () => {
  const queue = new Queue('traced-jobs', { connection: { url: stack.queue_url } });
  try {
    const [job] = await queue.getJobs();
    const carrier = JSON.parse(job?.opts.telemetry?.metadata ?? '{}') as Record<string, string>;
    expect(wayUp(collector.spans(), carrier.traceparent ?? '')).toEqual([
      'add traced-jobs',
      'process in/{order_id}',
      'publisher',
    ]);
    expect(carrier.tracestate).toBe('lab=1');
  } finally {
    await queue.close();
  }
  const line = listener
    .output()
    .split('\n')
    .find((text) => text.includes('order 7 came'));
  const [, span_id] = /"span_id":"([0-9a-f]{16})"/.exec(line ?? '') ?? [];
  expect(wayUp(collector.spans(), `00-${'1'.repeat(32)}-${span_id}-01`)).toEqual([
    'log',
    'process in/{order_id}',
    'publisher',
  ]);
});

it('is unbroken when the listener is killed while the webhook hangs', async () => {
  const trace_id = '2'.repeat(32);
  hook.answerWith({ fault: 'hang' });
  await publish('orders/8', trace_id);
  await waitFor(() => calls('/orders/8').length === 1, { timeout_ms: PATIENCE_MS });
  // Handed over: the broker has let go of it, and the queue alone has the trace.
  await waitFor(
    async () => {
      const counts = await stack.rest.call<Record<string, number>>('GET', `/products/${product.id}/deliveries/counts`);
      return (counts.waiting ?? 0) + (counts.active ?? 0) > 0;
    },
    { timeout_ms: PATIENCE_MS },
  );
  await listener.kill();
  hook.answerWith({});
  await listener.start();
  await waitFor(() => calls('/orders/8').length > 1, { timeout_ms: PATIENCE_MS });
  const last = calls('/orders/8').at(-1);
  const spans = await collector.until('the run after the kill', (all) =>
    all.some((span) => span.trace_id === trace_id && span.kind === CONSUMER),
  );
  expect(wayUp(spans, traceparentOf(last as NonNullable<typeof last>))).toEqual([
    'POST',
    'process orders/{order_id}',
    'publisher',
  ]);
  // It names the run that died with its process.
  const [, , attempt_before] = traceparentOf(calls('/orders/8')[0] as NonNullable<typeof last>).split('-');
  const run = spans.find((span) => span.trace_id === trace_id && span.kind === CONSUMER);
  expect(run?.links).toEqual([{ trace_id, span_id: expect.stringMatching(/^[0-9a-f]{16}$/) }]);
  expect(run?.links[0]?.span_id).not.toBe(attempt_before);
});
