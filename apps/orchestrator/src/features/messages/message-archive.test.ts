import {
  compressSegment,
  encodeSegment,
  type RecordedDelivery,
  type RecordedMessage,
  recordId,
} from '@cortex-mqtt/messages';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

const NOW = Date.now() - 60_000;
let made = 0;

function buildRecord(at_ms: number, overrides: Partial<RecordedMessage> & { text?: string } = {}): RecordedMessage {
  const { text = '{}', ...rest } = overrides;
  made += 1;
  const payload = Buffer.from(text);
  return {
    id: recordId(at_ms, 'aaaaaaaa', made),
    topic: 'a/b',
    payload,
    payload_bytes: payload.length,
    isRedacted: false,
    qos: 1,
    retain: false,
    duplicate: false,
    properties: null,
    identity: null,
    broker: 'primary',
    deliveries: [],
    ...rest,
  };
}

describe('the archive', () => {
  let app: TestApp;
  let product_id: number;
  let listener: Client;
  let reader: Client;

  beforeAll(async () => {
    app = await buildTestApp();
  });
  afterAll(() => app.close());

  beforeEach(async () => {
    product_id = (await app.product()).id;
    listener = await app.listener(product_id);
    reader = await app.client('admin');
  });

  const post = async (id: string, messages: RecordedMessage[], more: object = {}) => {
    const bytes = await compressSegment(encodeSegment({ id, messages, outcomes: [], gaps: [], ...more }));
    await listener('post', '/internal/v1/message-segments')
      .set('Content-Type', 'application/octet-stream')
      .send(bytes)
      .expect(204);
  };
  const find = async (query = '') => {
    const { body } = await reader('get', `/api/v1/products/${product_id}/messages?${query}`).expect(200);
    return body as {
      items: { id: string; preview: string; outcome: string }[];
      next_cursor: string | null;
      complete: boolean;
      gaps: object[];
    };
  };
  const previews = (found: Awaited<ReturnType<typeof find>>) => found.items.map(({ preview }) => preview);

  it('stores a segment once, and answers pages newest first over segments that overlap', async () => {
    const of = (n: number) => buildRecord(NOW + n, { text: String(n) });
    await post('one', [of(1), of(4), of(9)]);
    await post('two', [of(2), of(3), of(10)]);
    await post('one', [of(1), of(4), of(9)]);
    expect(previews(await find())).toEqual(['10', '9', '4', '3', '2', '1']);
    const pages: string[][] = [];
    for (let cursor = ''; ; ) {
      const page = await find(`limit=2${cursor}`);
      pages.push(previews(page));
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(pages.flat()).toEqual(['10', '9', '4', '3', '2', '1']);
    const { body } = await reader('get', `/api/v1/products/${product_id}/messages/usage`).expect(200);
    expect(body).toMatchObject({ enabled: true, messages: 6 });
  });

  it('finds by topic filter, time, text and expression, and refuses what can’t be asked', async () => {
    await post('s', [
      buildRecord(NOW, { topic: 'a/b', text: '{"n":1,"name":"Zoë"}' }),
      buildRecord(NOW + 1_000, { topic: 'a/c', text: '{"n":2}' }),
      buildRecord(NOW + 2_000, { topic: '$SYS/x', text: 'up' }),
    ]);
    expect(previews(await find('topic=a/%2B'))).toEqual(['{"n":2}', '{"n":1,"name":"Zoë"}']);
    expect(previews(await find('topic=%23'))).toHaveLength(2);
    expect(previews(await find(`to=${new Date(NOW + 1_000).toISOString()}`))).toEqual(['{"n":1,"name":"Zoë"}']);
    expect(previews(await find(`text=${encodeURIComponent('zOË')}`))).toHaveLength(1);
    expect(previews(await find('where=payload.n%20%3E%201'))).toEqual(['{"n":2}']);
    for (const wrong of ['topic=a%23', 'where=%28', 'outcome=lost', 'cursor=!', 'limit=0']) {
      await reader('get', `/api/v1/products/${product_id}/messages?${wrong}`).expect(400);
    }
  });

  it('hides payloads from a viewer whose grant does not include them', async () => {
    const message = buildRecord(NOW, { text: '{"secret":1}' });
    await post('s', [message]);
    const viewer = await app.client('viewer', [product_id], { may_read_payloads: false });
    const path = `/api/v1/products/${product_id}/messages`;
    const { body } = await viewer('get', path).expect(200);
    expect(body.items[0]).toMatchObject({ topic: 'a/b', preview: null });
    const one = await viewer('get', `${path}/${message.id}`).expect(200);
    expect(JSON.stringify(one.body)).not.toContain('secret');
    await viewer('get', `${path}?text=secret`).expect(403);
  });

  it('puts an outcome that comes later to its message, and shows what was left out', async () => {
    const waiting: RecordedDelivery = {
      subscription_id: 5,
      outcome: 'waiting',
      error: null,
      attempts: [],
      queue_id: null,
    };
    const message = buildRecord(NOW, { deliveries: [waiting] });
    await post('s', [message], { gaps: [{ from_ms: NOW, to_ms: NOW + 5, messages: 3, reason: 'buffer_full' }] });
    const dead: RecordedDelivery = { ...waiting, outcome: 'dead', error: 'HTTP 500', queue_id: 'd-1' };
    await post('late', [], { outcomes: [{ ...dead, message_id: message.id, at_ms: NOW + 9, replay_id: null }] });
    expect((await find('outcome=dead')).items).toHaveLength(1);
    expect((await find('outcome=waiting')).items).toHaveLength(0);
    expect((await find()).gaps).toMatchObject([{ messages: 3, reason: 'buffer_full' }]);
    const { body } = await reader('get', `/api/v1/products/${product_id}/messages/${message.id}`).expect(200);
    expect(body.deliveries).toMatchObject([{ outcome: 'dead', error: 'HTTP 500', delivery_id: 'd-1' }]);
  });

  it('drops the oldest beyond its bytes and its age, and everything with the product', async () => {
    await reader('put', `/api/v1/products/${product_id}/mqtt-config`)
      .send({ archive: { max_bytes: 1_048_576, max_age_days: 2 } })
      .expect(200);
    const random = () => Buffer.from(Array.from({ length: 100_000 }, () => Math.floor(Math.random() * 256)));
    const of = (n: number) => {
      const payload = random();
      return buildRecord(NOW + n, { payload, payload_bytes: payload.length, topic: `t/${n}` });
    };
    await post('old', [buildRecord(NOW - 3 * 86_400_000, { topic: 't/old' })]);
    for (let n = 0; n < 15; n += 1) await post(`s-${n}`, [of(n)]);
    const usage = await app.features.messageArchive.store.usage(product_id);
    expect(usage.stored_bytes).toBeLessThanOrEqual(1_048_576);
    expect(usage.stored_bytes).toBeGreaterThan(1_048_576 * 0.85);
    await app.features.messageArchive.retain();
    expect((await find('topic=t/old')).items).toEqual([]);
    expect((await find('topic=t/14')).items).toHaveLength(1);
    await reader('delete', `/api/v1/products/${product_id}`).expect(204);
    await app.features.messageArchive.retain();
    expect(await app.features.messageArchive.store.products()).not.toContain(product_id);
  });

  it('takes nothing that is no segment, and nothing of a product that records nothing', async () => {
    const send = (bytes: Buffer) =>
      listener('post', '/internal/v1/message-segments').set('Content-Type', 'application/octet-stream').send(bytes);
    await send(Buffer.from('hello')).expect(400);
    await send(await compressSegment(Buffer.alloc(33 * 1024 * 1024))).expect(400);
    await reader('put', `/api/v1/products/${product_id}/mqtt-config`)
      .send({ archive: { enabled: false } })
      .expect(200);
    await post('s', [buildRecord(NOW)]);
    expect((await find()).items).toEqual([]);
  });
});
