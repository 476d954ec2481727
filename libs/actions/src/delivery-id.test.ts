import { actionDeliveryId, createMessageIds, messageIdentity, orderingKey } from './delivery-id';
import { type ActionBench, buildScope, createActionBench, type ScopeOptions } from './testing/action-bench';

let bench: ActionBench;

beforeAll(() => {
  bench = createActionBench();
});

afterAll(() => bench.stop());

function identityOf(scope: ScopeOptions, message_key: string | null = null) {
  const { envelope, content_type } = buildScope(scope);
  return messageIdentity(envelope, { message_key, content_type, engine: bench.engine });
}

describe('actionDeliveryId', () => {
  it('is the same for the same three, and another for any other', () => {
    const id = actionDeliveryId('m_1', 2, 'a1');
    expect(actionDeliveryId('m_1', 2, 'a1')).toBe(id);
    const others = [
      actionDeliveryId('m_2', 2, 'a1'),
      actionDeliveryId('m_1', 3, 'a1'),
      actionDeliveryId('m_1', 2, 'a2'),
      actionDeliveryId('1\nm_1', 2, 'a1'),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
  });

  it('is safe in headers, URLs and job ids, and stays what it is between versions', () => {
    expect(actionDeliveryId('m_1', 2, 'a1')).toMatch(/^msg_[A-Za-z0-9_-]{32}$/);
    expect(actionDeliveryId('m_1', 2, 'a1')).toBe('msg_ghRHe424uXy_0a3rwSDi2857PfKkI2Zl');
  });
});

describe('createMessageIds', () => {
  it('never makes one twice, nor one that another maker has made', () => {
    const makers = [createMessageIds(), createMessageIds()];
    const ids = makers.flatMap((makeId) => Array.from({ length: 1_000 }, makeId));
    expect(new Set(ids).size).toBe(2_000);
  });
});

describe('messageIdentity', () => {
  it.each<[string, ScopeOptions, string | null]>([
    ['a user property', { envelope: { user_properties: { 'message-id': '17' } } }, null],
    [
      'a CloudEvent in binary mode',
      { envelope: { user_properties: { id: '1', source: '/shop', specversion: '1.0' } } },
      null,
    ],
    [
      'a CloudEvent in structured mode',
      { content_type: 'application/cloudevents+json; charset=utf-8', payload: '{"id": "1", "source": "/shop"}' },
      null,
    ],
    ['a key expression', { payload: '{"order": {"id": 7}}' }, 'payload.order.id'],
  ])('is the same again for %s', async (_name, scope, key) => {
    const first = await identityOf(scope, key);
    expect(first).toMatchObject({ carried: true });
    expect(await identityOf(scope, key)).toEqual(first);
  });

  it('is one for a CloudEvent however it travels', async () => {
    const binary = await identityOf({ envelope: { user_properties: { id: '1', source: '/shop' } } });
    const structured = await identityOf({
      content_type: 'application/cloudevents+json',
      payload: '{"id": "1", "source": "/shop"}',
    });
    expect(binary).toEqual(structured);
  });

  it('differs by value, by source and by topic', async () => {
    const all = await Promise.all([
      identityOf({ envelope: { user_properties: { 'message-id': '1' } } }),
      identityOf({ envelope: { user_properties: { 'message-id': '2' } } }),
      identityOf({ envelope: { user_properties: { 'message-id': '1' }, topic: 'other' } }),
      identityOf({ envelope: { user_properties: { id: '1', source: 'a' } } }),
      identityOf({ envelope: { user_properties: { id: '1', source: 'b' } } }),
      identityOf({ payload: '{"k": 1}' }, 'payload.k'),
      identityOf({ payload: '{"k": "1"}' }, 'payload.k'),
    ]);
    expect(new Set(all.map((identity) => identity.message_id)).size).toBe(all.length);
  });

  it('is never shared by two equal messages that carry none', async () => {
    for (const key of [null, 'payload.missing']) {
      const [first, second] = await Promise.all([identityOf({}, key), identityOf({}, key)]);
      expect(first).toMatchObject({ carried: false });
      expect(first?.message_id).not.toBe(second?.message_id);
    }
  });

  it('takes a payload that is no CloudEvent for none', async () => {
    for (const payload of ['{', 'null', '{"id": 5, "source": "x"}', '[]']) {
      expect(await identityOf({ content_type: 'application/cloudevents+json', payload })).toMatchObject({
        carried: false,
      });
    }
  });
});

describe('keys above 2^53', () => {
  const [one, two] = ['9007199254740992', '9007199254740993'].map((id) => ({ payload: `{"id": ${id}, "kind": "a"}` }));

  it.each(['payload.id', '$.payload.id', 'payload.`id`', 'payload.kind & "-" & payload.id', '[payload.id]'])(
    'two messages stay two: %s',
    async (key) => {
      const ids = await Promise.all([one, two].map((scope) => identityOf(scope ?? {}, key)));
      expect(ids[0]?.message_id).not.toBe(ids[1]?.message_id);
      const lanes = await Promise.all(
        [one, two].map((scope) => orderingKey(key, buildScope(scope).envelope, bench.engine)),
      );
      expect(lanes[0]).not.toBe(lanes[1]);
    },
  );

  it('are refused where they are computed', async () => {
    await expect(identityOf(two ?? {}, 'payload.id + 0')).rejects.toMatchObject({ code: 'KEY_NOT_EXACT' });
    await expect(orderingKey('payload.id + 0', buildScope(two).envelope, bench.engine)).rejects.toMatchObject({
      code: 'KEY_NOT_EXACT',
      permanent: true,
    });
  });

  it('leave other keys what they were', async () => {
    const scope = { payload: '{"id": 7, "price": 100.00, "name": "x"}' };
    const plain = { payload: '{"id": 7, "price": 100, "name": "x"}' };
    for (const key of ['payload.id', 'payload.price', 'payload.name', '[payload.id, payload.price]']) {
      expect(await identityOf(scope, key)).toEqual(await identityOf(plain, key));
    }
    expect(await orderingKey('payload.name', buildScope(scope).envelope, bench.engine)).toBe('x');
    expect(await orderingKey('payload.id', buildScope(scope).envelope, bench.engine)).toBe('7');
    await expect(orderingKey('payload.none', buildScope(scope).envelope, bench.engine)).rejects.toThrow(
      /found nothing/,
    );
  });
});
