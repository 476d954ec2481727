import { type HttpReceiver, startHttpReceiver } from '@cortex-mqtt/testing';
import { validateActions } from '../action-registry';
import { type ActionBench, createActionBench, type ScopeOptions } from '../testing/action-bench';

let receiver: HttpReceiver;
let bench: ActionBench;

beforeAll(async () => {
  receiver = await startHttpReceiver();
  bench = createActionBench();
});
beforeEach(() => {
  receiver.clear();
  receiver.answerWith({ headers: { 'content-type': 'application/json' }, body: '{"price": 9.90}' });
  bench.published.length = 0;
});
afterAll(async () => {
  await bench.stop();
  await receiver.stop();
});

const action = (fields: object = {}) => ({
  type: 'webhook',
  url: receiver.url,
  reply: { topics: ['replies/+/#'], qos: 2 },
  ...fields,
});
const asked = (envelope: object = {}): ScopeOptions => ({
  envelope: {
    response_topic: 'replies/a/7',
    correlation_data: Buffer.from([1, 0, 255]).toString('base64'),
    received_at: new Date().toISOString(),
    ...envelope,
  },
});

it('publishes the answer to the response topic, byte for byte, with the correlation data', async () => {
  const { detail } = await bench.run(action(), asked({ message_expiry_s: 60 }));
  expect(detail).toEqual({ status: 200, reply: 'published' });
  expect(bench.published).toEqual([
    {
      topic: 'replies/a/7',
      payload: Buffer.from('{"price": 9.90}'),
      qos: 2,
      retain: false,
      content_type: 'application/json',
      correlation_data: Buffer.from([1, 0, 255]),
      message_expiry_s: expect.any(Number),
      user_properties: { 'message-id': 'msg_test', 'cortex-hops': '1' },
    },
  ]);
  expect(bench.published[0]?.message_expiry_s).toBeGreaterThan(50);
});

it.each([
  ['no response topic', { response_topic: undefined }, 'no_response_topic'],
  ['a requester that waits no longer', { message_expiry_s: 0 }, 'expired'],
  ['a replay', { replay: { id: 'rp_1', received_at: '2026-01-02T03:04:05.678Z' } }, 'replay'],
])('calls and publishes nothing for %s', async (_name, envelope, reply) => {
  expect(await bench.run(action(), asked(envelope))).toMatchObject({ status: 'succeeded', detail: { reply } });
  expect(receiver.count()).toBe(1);
  expect(bench.published).toEqual([]);
});

it.each([
  ['outside of its topics', 'secret/door/open', 'REPLY_NOT_ALLOWED'],
  ['of the broker itself', '$SYS/broker', 'REPLY_NOT_ALLOWED'],
  ['that is a filter', 'replies/+/#', 'INVALID_TOPIC'],
])('calls nothing for a response topic %s', async (_name, response_topic, code) => {
  const topics = code === 'REPLY_NOT_ALLOWED' && response_topic.startsWith('$') ? ['#'] : ['replies/#'];
  const fault = await bench.faultOf(action({ reply: { topics } }), asked({ response_topic }));
  expect(fault).toMatchObject({ permanent: true, detail: { code } });
  expect(receiver.count()).toBe(0);
});

it('publishes nothing while the webhook fails, and calls it again when the broker does not take the answer', async () => {
  receiver.answerWith({ status: 503 });
  expect(await bench.faultOf(action(), asked())).toMatchObject({ permanent: false, detail: { status: 503 } });
  expect(bench.published).toEqual([]);
  receiver.answerWith({ body: Buffer.alloc(300_000) });
  expect(await bench.faultOf(action(), asked())).toMatchObject({
    permanent: true,
    detail: { code: 'REPLY_TOO_LARGE' },
  });
  receiver.answerWith({ body: Buffer.alloc(200_000, 'é') });
  await bench.run(action(), asked());
  expect(bench.published[0]?.payload).toEqual(Buffer.alloc(200_000, 'é'));
});

it('goes round in no circle', async () => {
  const fault = await bench.faultOf(action(), asked({ user_properties: { 'cortex-hops': '8' } }));
  expect(fault.detail.code).toBe('HOP_LIMIT');
  expect(receiver.count()).toBe(0);
});

it.each([
  [{ reply: {} }, 'reply.topics'],
  [{ reply: { topics: [] } }, 'reply.topics'],
  [{ reply: { topics: ['a/#/b'] } }, 'reply.topics[0]'],
  [{ reply: { topics: ['$share/g/a'] } }, 'reply.topics[0]'],
  [{ reply: { topics: ['a'], qos: 3 } }, 'reply.qos'],
  [{ batch: {} }, 'reply'],
])('refuses %j', (fields, field) => {
  expect(validateActions([action(fields)]).faults[0]?.field).toBe(`actions[0].${field}`);
});

it('is refused on MQTT 3.1.1, which has no response topics', () => {
  const context = { protocol_version: 4 as const };
  expect(validateActions([action()], { context }).faults).toMatchObject([{ field: 'actions[0].reply' }]);
});
