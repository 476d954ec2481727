import type { ListenerSubscription } from '@cortex-mqtt/contracts';
import { type HttpReceiver, startHttpReceiver } from '@cortex-mqtt/testing';
import { type DryRunMessage, dryRun } from './dry-run';
import { type ActionBench, buildAction, createActionBench } from './testing/action-bench';

let bench: ActionBench;
let receiver: HttpReceiver;

beforeAll(async () => {
  bench = createActionBench();
  receiver = await startHttpReceiver();
});

afterAll(async () => {
  await bench.stop();
  await receiver.stop();
});

function buildSubscription(actions: object[], overrides: Partial<ListenerSubscription> = {}): ListenerSubscription {
  return {
    id: 5,
    name: 'orders',
    topic: 'orders/{+order}',
    topic_filter: 'shop/orders/+',
    wildcard_names: ['order'],
    qos: 1,
    payload_format: 'json',
    filter: null,
    message_key: null,
    concurrency: null,
    ordering: 'none',
    actions: actions.map((action, index) => buildAction({ id: `a${index + 1}`, ...action })),
    ...overrides,
  };
}

function buildMessage(payload: string, overrides: Partial<DryRunMessage> = {}): DryRunMessage {
  return {
    topic: 'shop/orders/7',
    payload_base64: Buffer.from(payload).toString('base64'),
    qos: 1,
    retain: false,
    duplicate: false,
    user_properties: {},
    content_type: null,
    received_at: '2026-01-02T03:04:05.678Z',
    ...overrides,
  };
}

const run = (subscription: ListenerSubscription, message: DryRunMessage, secrets: string[] | null = null) =>
  dryRun(subscription, message, { product_id: 1, engine: bench.engine, secretsKnown: secrets && new Set(secrets) });

describe('dryRun', () => {
  it('shows a batch of samples: those that would be sent together', async () => {
    const url = `${receiver.url}/{{payload.shop}}`;
    const subscription = buildSubscription([{ type: 'webhook', url, when: 'payload.n > 0', batch: {} }]);
    const [first, ...more] = [1, 2, 0, 3].map((n) => buildMessage(`{"n": ${n}, "shop": "${n === 3 ? 'b' : 'a'}"}`));
    const { actions } = await dryRun(subscription, first as DryRunMessage, {
      ...{ product_id: 1, engine: bench.engine, secretsKnown: null, more },
    });
    const request = actions[0]?.request;
    const body: { payload: { n: number } }[] = JSON.parse(request?.ok ? String(request.value.body) : 'null');
    expect(body.map(({ payload }) => payload.n)).toEqual([1, 2]);
    const alone = await run(subscription, first as DryRunMessage);
    expect(alone.actions[0]?.request).toMatchObject({ value: { body: expect.stringMatching(/^\[\{.*\}\]$/) } });
    expect(receiver.count()).toBe(0);
  });

  it('tells each step, and sends nothing', async () => {
    const subscription = buildSubscription(
      [
        {
          type: 'webhook',
          name: 'CRM',
          url: `${receiver.url}/{{params.order}}?key={{secrets.KEY}}`,
          headers: { authorization: 'Bearer {{secrets.KEY}}' },
          signing_secrets: ['SIGN'],
          when: 'payload.total > 5',
          input: '{"total": payload.total}',
        },
        { type: 'postgres', connection_secret: 'DB', statement: 'SELECT $1', parameters: ['payload.total'] },
        { type: 'publish', topic: 'shop/orders/{{params.order}}', enabled: false },
        { type: 'queue', queue: 'q', job_name: 'j' },
        { type: 'log', when: 'payload.total > 100' },
      ],
      { filter: 'payload.total > 0', ordering: 'payload.total', message_key: 'payload.total' },
    );
    const result = await run(subscription, buildMessage('{"total": 9}'), ['KEY', 'SIGN', 'DB']);
    expect(result).toMatchObject({
      matched: true,
      params: { order: '7' },
      decode: { ok: true, value: { total: 9 } },
      filter: { ok: true, value: true },
      identity: { ok: true, value: { carried: true } },
      ordering_key: { ok: true, value: 9 },
    });
    const [webhook, postgres, publish, queue, log] = result.actions;
    expect(webhook).toMatchObject({
      action_id: 'a1',
      name: 'CRM',
      when: { ok: true, value: true },
      input: { ok: true, value: { total: 9 } },
      request: {
        ok: true,
        value: {
          method: 'POST',
          url: `${receiver.url}/7?key=•••`,
          headers: { authorization: 'Bearer •••', 'webhook-signature': '•••' },
          body: '{"total":9}',
        },
      },
      would_run: true,
    });
    expect(postgres?.request).toMatchObject({ ok: true, value: { parameters: [9], connection: '•••' } });
    expect(publish).toMatchObject({
      enabled: false,
      would_run: false,
      request: { ok: true, value: { topic: 'shop/orders/7', payload: '{"total": 9}' } },
    });
    expect(publish?.request).toMatchObject({ value: { warning: expect.stringContaining('itself') } });
    expect(queue?.request).toMatchObject({ ok: true, value: { queue: 'q', name: 'j' } });
    expect(log).toMatchObject({ when: { ok: true, value: false }, request: null, would_run: false });
    expect(receiver.count()).toBe(0);
  });

  it('says that the topic is not matched', async () => {
    const result = await run(buildSubscription([{ type: 'log' }]), buildMessage('{}', { topic: 'shop/other' }));
    expect(result).toMatchObject({ matched: false, actions: [] });
  });

  it('shows what each action would do when the filter keeps the message out', async () => {
    const result = await run(
      buildSubscription([{ type: 'log' }], { filter: 'payload.total > 10' }),
      buildMessage('{"total": 9}'),
    );
    expect(result.filter).toEqual({ ok: true, value: false });
    expect(result.actions[0]).toMatchObject({ request: { ok: true }, would_run: false });
  });

  it('names the place of a fault in each step', async () => {
    const broken = await run(buildSubscription([{ type: 'log' }]), buildMessage('{"total": }'));
    expect(broken.decode).toMatchObject({
      ok: false,
      fault: { permanent: true, detail: { code: 'NOT_JSON', position: { column: 11 } } },
    });
    expect(broken.actions[0]).toMatchObject({ would_run: false });

    const subscription = buildSubscription([
      { type: 'log', when: 'payload.name + 1' },
      { type: 'log', input: 'payload.name + 1' },
      { type: 'log', message: '{{payload.missing}}' },
      { type: 'log', message: '{{secrets.GONE}}' },
    ]);
    const { actions } = await run(subscription, buildMessage('{"name": "x"}'), ['KEPT']);
    expect(
      actions.map(
        ({ when, input, request }) =>
          (when ?? input ?? request) as { ok: boolean; fault: { detail: { code: string } } },
      ),
    ).toMatchObject([
      { ok: false, fault: { detail: { code: 'T2001' } } },
      { ok: false, fault: { detail: { code: 'T2001' } } },
      { ok: false, fault: { detail: { code: 'TEMPLATE_MISSING_VALUE' } } },
      { ok: false, fault: { detail: { code: 'SECRET_MISSING' } } },
    ]);
    expect(actions.every((action) => !action.would_run)).toBe(true);
  });
});
