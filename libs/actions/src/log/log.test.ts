import { type ActionBench, createActionBench } from '../testing/action-bench';

let bench: ActionBench;

beforeEach(() => {
  bench = createActionBench();
});

afterEach(() => bench.stop());

describe('the log action', () => {
  it('writes topic and payload, with the ids beside them', async () => {
    await bench.run({ type: 'log' }, { payload: '{"a": 1}' });
    expect(bench.lines).toEqual([
      {
        level: 'info',
        message: 'orders/7/created {"a": 1}',
        fields: { delivery_id: 'msg_test', subscription_id: 2, topic: 'orders/7/created' },
      },
    ]);
  });

  it('writes JSON as it came, without rounding, on one line', async () => {
    await bench.run({ type: 'log' }, { payload: '{\n  "id": 9007199254740993,\r\n  "text": "a\\nb"\n}\n' });
    expect(bench.lines[0]?.message).toBe('orders/7/created { "id": 9007199254740993, "text": "a\\nb" }');
  });

  it('fails for good when the payload is not the JSON that it should be', async () => {
    expect(await bench.faultOf({ type: 'log' }, { payload: '{"a": ' })).toMatchObject({ permanent: true });
    expect(bench.lines).toEqual([]);
  });

  it('writes its template at its level', async () => {
    await bench.run({ type: 'log', level: 'warn', message: 'order {{params.order}} of {{payload.order.name}}' });
    expect(bench.lines[0]).toMatchObject({ level: 'warn', message: 'order 7 of Zoë' });
  });

  it('cuts what is too long for a line', async () => {
    await bench.run({ type: 'log' }, { payload: 'x'.repeat(10_000), format: 'text' });
    expect(bench.lines[0]?.message).toHaveLength(4_001);
  });

  it('is left out when its condition is not true', async () => {
    expect(await bench.run({ type: 'log', when: 'payload.order.id > 7' })).toEqual({
      status: 'skipped',
      destination: null,
      detail: {},
    });
    expect(bench.lines).toEqual([]);
  });

  it('fails for good when condition or input can not be computed', async () => {
    expect(await bench.faultOf({ type: 'log', when: 'payload.order.name + 1' })).toMatchObject({
      permanent: true,
      detail: { code: 'T2001' },
    });
    expect(await bench.faultOf({ type: 'log', input: 'payload.nothing' })).toMatchObject({
      permanent: true,
      detail: { code: 'INPUT_EMPTY' },
    });
  });
});
