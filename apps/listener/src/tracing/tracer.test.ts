import { type OtlpReceiver, startOtlpReceiver, waitFor } from '@cortex-mqtt/testing';
import type { ActionOutcome, CompiledAction } from '../pipeline/compiled-plan';
import { SUCCEEDED } from '../pipeline/compiled-plan';
import { buildAction, buildMessage, buildPipeline, buildPlan, buildSubscription } from '../pipeline/pipeline.testing';
import { createTracing, type Tracing } from './create-tracing';
import { createSampler, type SamplerName } from './sampler';
import { parseTraceparent } from './trace-context';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const FAILED: ActionOutcome = { kind: 'failed', error: 'answered 500', permanent: true, status: 500 };

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function traced(
  overrides: { endpoint?: string; sampler?: SamplerName; ratio?: string } = {},
): Tracing & { warnings: string[] } {
  const warnings: string[] = [];
  const tracing = createTracing(
    {
      otlpEndpoint: overrides.endpoint ?? 'http://127.0.0.1:1',
      otlpHeaders: 'authorization=Bearer%20abc',
      otelServiceName: 'test',
      otelResourceAttributes: 'deployment.environment.name=lab',
      tracesSampler: overrides.sampler ?? 'parentbased_always_on',
      tracesSamplerArg: overrides.ratio ?? '1',
      instanceId: 'one',
    },
    {
      version: '1.0.0',
      product: () => 'shop',
      logger: { warn: (message) => warnings.push(message), info: (message) => warnings.push(message) },
    },
  );
  if (tracing === null) throw new Error('nothing is traced');
  cleanups.push(() => tracing.exporter.stop(2_000));
  return { ...tracing, warnings };
}

async function collector(): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver();
  cleanups.push(() => receiver.stop());
  return receiver;
}

/** As the listener's own actions do it. */
function tracedAction(run: () => ActionOutcome, id = 'hook'): CompiledAction {
  return buildAction((delivery) => {
    const attempt = delivery.trace?.attempt({ id, type: 'webhook', method: 'POST' }, delivery.attemptsOf(id) + 1);
    const outcome = run();
    return attempt ? attempt.ended(outcome) : outcome;
  }, id);
}

function messageOf(flags: string | null, more: Parameters<typeof buildMessage>[0] = {}) {
  const { properties } = buildMessage();
  const user_properties: Record<string, string> =
    flags === null ? {} : { traceparent: `00-${TRACE}-${SPAN}-${flags}`, tracestate: 'a=1' };
  return buildMessage({ topic: 'orders/7', properties: { ...properties, user_properties }, ...more });
}

const subscription = (run: () => ActionOutcome) =>
  buildSubscription({ topic_filter: 'orders/+', wildcard_names: ['order_id'], actions: [tracedAction(run)] });

describe('a traced delivery', () => {
  it('is a span below the publisher’s, with a span for each attempt', async () => {
    const receiver = await collector();
    const { tracer, exporter } = traced({ endpoint: receiver.url });
    const pipeline = buildPipeline({ tracer, plan: buildPlan([subscription(() => SUCCEEDED)]) });
    pipeline.accept(messageOf('01'));
    await pipeline.drain();
    const spans = await receiver.until('two spans', (found) => found.length === 2);
    const consumer = spans.find(({ kind }) => kind === 5);
    const attempt = spans.find(({ kind }) => kind === 3);
    expect(consumer).toMatchObject({
      trace_id: TRACE,
      parent_span_id: SPAN,
      name: 'process orders/{order_id}',
      trace_state: 'a=1',
      links: [],
      attributes: {
        'messaging.system': 'mqtt',
        'messaging.destination.name': 'orders/7',
        'messaging.destination.template': 'orders/{order_id}',
        'messaging.message.body.size': 2,
        'cortex_mqtt.product': 'shop',
        'cortex_mqtt.outcome': 'succeeded',
      },
      resource: { 'service.name': 'test', 'service.instance.id': 'one', 'deployment.environment.name': 'lab' },
      status: { code: 0 },
    });
    expect(attempt).toMatchObject({
      trace_id: TRACE,
      parent_span_id: consumer?.span_id,
      name: 'POST',
      attributes: { 'http.request.method': 'POST', 'cortex_mqtt.attempt': 1 },
    });
    expect(attempt?.start_ms).toBeGreaterThanOrEqual(consumer?.start_ms ?? Number.NaN);
    expect(attempt?.end_ms).toBeLessThanOrEqual(consumer?.end_ms ?? Number.NaN);
    expect(receiver.http.requests[0]?.headers.authorization).toBe('Bearer abc');
    await waitFor(() => exporter.exported === 2);
  });

  it('that fails is exported although its publisher is not sampled; one that succeeds is not', async () => {
    const receiver = await collector();
    const { tracer } = traced({ endpoint: receiver.url });
    const outcomes: ActionOutcome[] = [SUCCEEDED, FAILED];
    const pipeline = buildPipeline({
      tracer,
      plan: buildPlan([subscription(() => outcomes.shift() ?? SUCCEEDED)]),
    });
    pipeline.accept(messageOf('00'));
    pipeline.accept(messageOf('00'));
    await pipeline.drain();
    const spans = await receiver.until('spans of the failure', (found) => found.length > 0);
    expect(spans.map(({ kind, status, attributes }) => [kind, status, attributes['error.type']])).toEqual(
      expect.arrayContaining([
        [5, { code: 2, message: 'answered 500' }, 'dead_letter'],
        [3, { code: 2, message: 'answered 500' }, '500'],
      ]),
    );
    expect(spans).toHaveLength(2);
  });

  it('of a message without a context shares a new trace with the other deliveries of the message', () => {
    const seen: (string | undefined)[] = [];
    const { tracer } = traced();
    const action = buildAction((delivery) => {
      seen.push(delivery.trace?.traceparent);
      return SUCCEEDED;
    });
    const two = [buildSubscription({ id: 1, actions: [action] }), buildSubscription({ id: 2, actions: [action] })];
    buildPipeline({ tracer, plan: buildPlan(two) }).accept(messageOf(null));
    const [first, second] = seen.map((text) => parseTraceparent(text ?? ''));
    expect(first?.trace_id).toBe(second?.trace_id);
    expect(first?.span_id).not.toBe(second?.span_id);
  });

  it('that comes back from the queue continues its trace, linked to the run before', async () => {
    const receiver = await collector();
    const { tracer } = traced({ endpoint: receiver.url });
    const of = subscription(() => SUCCEEDED);
    const pipeline = buildPipeline({ tracer, plan: buildPlan([of]) });
    await new Promise<void>((resolve) =>
      pipeline.runQueued({
        ...{ subscription: of, message: messageOf('00'), message_id: 'm', record_id: null },
        ...{ isRevived: false, isToBeAsked: false, hasNewIds: false, restore: () => undefined },
        trace: `00-${TRACE}-${'a'.repeat(16)}-00`,
        onFate: () => resolve(),
      }),
    );
    const spans = await receiver.until('both spans', (found) => found.length === 2);
    expect(spans.find(({ kind }) => kind === 5)).toMatchObject({
      trace_id: TRACE,
      parent_span_id: SPAN,
      links: [{ trace_id: TRACE, span_id: 'a'.repeat(16) }],
    });
  });

  it('of a replay begins a trace of its own, linked to the publisher’s', () => {
    const { tracer } = traced();
    const origin = tracer.originOf(messageOf('01', { replay: { id: 'r', received_at: '2026-01-01T00:00:00Z' } }));
    expect(origin.trace_id).not.toBe(TRACE);
    expect(origin).toMatchObject({ parent: null, link: { trace_id: TRACE, span_id: SPAN }, is_resumed: false });
  });
});

describe('spans that nobody takes', () => {
  it('are bounded and counted, said once, and cost no delivery anything', async () => {
    const { tracer, exporter, warnings } = traced({ endpoint: 'http://127.0.0.1:1' });
    const pipeline = buildPipeline({ tracer, plan: buildPlan([subscription(() => SUCCEEDED)]) });
    for (let n = 0; n < 5_000; n += 1) pipeline.accept(messageOf('01'));
    await pipeline.drain();
    expect(pipeline.counters.deliveries_succeeded).toBe(5_000);
    // 4,096 may wait; what is beyond is left out at once.
    expect(exporter.dropped).toBe(10_000 - 4_096);
    await exporter.stop(20_000);
    await waitFor(() => exporter.dropped === 10_000);
    expect(exporter.exported).toBe(0);
    expect(warnings).toEqual(['traces can not be exported; deliveries are not touched by it']);
  }, 40_000);
});

describe('a sampler', () => {
  it.each<[SamplerName, string | null, boolean]>([
    ['parentbased_always_on', null, true],
    ['parentbased_always_on', '00', false],
    ['parentbased_always_off', null, false],
    ['parentbased_always_off', '01', true],
    ['parentbased_traceidratio', '01', true],
    ['always_on', '00', true],
    ['always_off', '01', false],
  ])('%s of a parent with flags %s says %s', (name, flags, wanted) => {
    const parent = flags === null ? null : parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`);
    expect(createSampler(name, 0)(parent, TRACE)).toBe(wanted);
  });

  it('by ratio takes about that share, the same traces everywhere', () => {
    const sampler = createSampler('traceidratio', 0.1);
    const { tracer } = traced();
    const ids = Array.from({ length: 5_000 }, () => tracer.originOf(messageOf(null)).trace_id);
    const taken = ids.filter((id) => sampler(null, id));
    expect(taken.length).toBeGreaterThan(350);
    expect(taken.length).toBeLessThan(650);
    expect(taken.every((id) => createSampler('parentbased_traceidratio', 0.1)(null, id))).toBe(true);
    expect(taken.every((id) => createSampler('traceidratio', 0.2)(null, id))).toBe(true);
  });
});
