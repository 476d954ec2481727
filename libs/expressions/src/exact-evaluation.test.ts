import { createExpressionEngine, type ExpressionEngine } from './expression-engine';
import { ExactValue } from './exact-value';
import { buildEnvelope } from './testing/build-envelope';

let engine: ExpressionEngine;
beforeAll(() => {
  engine = createExpressionEngine();
});
afterAll(() => engine.stop());

const PAYLOAD =
  '{"id": 9007199254740993, "a-b": 9007199254740995, "price": 100.00, "n": 7, "much": 1e400, "zero": -0,' +
  ' "items": [{"id": 9007199254740997, "price": 2.50}, {"id": 5, "price": 3}], "name": "x", "text": "1.10 is 1e2"}';

const exact = (source: string, payload = PAYLOAD) => engine.evaluateExact(source, buildEnvelope({ payload }));

describe('evaluateExact', () => {
  it.each([
    ['payload.id', '9007199254740993'],
    ['payload.`a-b`', '9007199254740995'],
    ['$.payload.id', '9007199254740993'],
    ['payload.price', '100.00'],
    ['payload.much', '1e400'],
    ['payload.zero', '-0'],
    ['payload.items.id', '[9007199254740997,5]'],
    ['payload.items[price > 2.6].id', '5'],
    ['payload.items[price < 2.6].id', '9007199254740997'],
    [
      '{"ids": [payload.id, payload.n], "o": payload.items[0]}',
      '{"ids":[9007199254740993,7],"o":{"id":9007199254740997,"price":2.50}}',
    ],
    ['payload.n > 5 ? payload.id : 0', '9007199254740993'],
    ['payload.name & "-" & payload.id', '"x-9007199254740993"'],
    ['$string(payload.id)', '"9007199254740993"'],
    ['payload.price & " EUR"', '"100 EUR"'],
    ['payload.text', '"1.10 is 1e2"'],
    [
      '{"at": $now(), "dice": $random() >= 0, "id": payload.id}',
      '{"at":"2026-01-02T03:04:05.678Z","dice":true,"id":9007199254740993}',
    ],
    // In a process of its own.
    ['$sort(payload.items, function($l, $r) { $l.price > $r.price }).id', '[9007199254740997,5]'],
  ])('%s keeps its digits', async (source, json) => {
    expect((await exact(source))?.json).toBe(json);
  });

  it.each([
    ['payload.price + 1', '101', 'none'],
    ['payload.id > 5', 'true', 'lost'],
    ['$count(payload.items)', '2', 'none'],
    ['payload.name', '"x"', 'none'],
    ['payload.id', '9007199254740993', 'kept'],
    ['$string(payload.id)', '"9007199254740993"', 'none'],
  ])('%s is %s, its digits %s', async (source, json, rounding) => {
    expect(await exact(source)).toMatchObject({ json, rounding });
  });

  it('takes what is exact as it is', async () => {
    const found = await exact('payload', '{"a": 0.1, "b": 1.5, "c": [1, 2], "d": "9007199254740993"}');
    expect(found).toMatchObject({ has_own_text: false, rounding: 'none' });
  });

  it('refuses to compute with what is too large, which JSON would write as null', async () => {
    await expect(exact('payload.much > 5 ? payload.much : 0')).rejects.toMatchObject({ code: 'NUMBER_TOO_LARGE' });
  });

  it('reads the digits of another exact value', async () => {
    const input = new ExactValue(
      { total: 100, id: 9007199254740992 },
      '{"total":100.00,"id":9007199254740993}',
      'kept',
    );
    expect((await engine.evaluateExact('[total, id]', input))?.json).toBe('[100.00,9007199254740993]');
    expect((await engine.evaluateExact('$input.id', buildEnvelope(), { bindings: { input } }))?.json).toBe(
      '9007199254740993',
    );
  });
});

describe('time and chance', () => {
  const drawn =
    '{"at": $now(), "ms": $millis(), "dice": [$random(), $random()], "cards": $shuffle([1, 2, 3, 4, 5, 6, 7, 8])}';

  it('belong to the message: each evaluation gives the same, wherever it runs', async () => {
    const inline = '{"at": $now(), "ms": $millis(), "dice": [$random(), $random()]}';
    for (const source of [inline, drawn]) {
      const first = await engine.evaluate(source, buildEnvelope());
      expect(await engine.evaluate(source, buildEnvelope())).toEqual(first);
      expect(first).toMatchObject({ at: '2026-01-02T03:04:05.678Z', ms: Date.parse('2026-01-02T03:04:05.678Z') });
      expect(await engine.evaluate(source, buildEnvelope({ id: 'msg_other' }))).not.toEqual(first);
    }
  });

  it('differ within one evaluation', async () => {
    const { dice } = (await engine.evaluate(drawn, buildEnvelope())) as { dice: number[] };
    expect(dice[0]).not.toBe(dice[1]);
    expect(dice.every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('are real where there is no message', async () => {
    const before = Date.now();
    expect(await engine.evaluate('$millis()', {})).toBeGreaterThanOrEqual(before);
    expect(await engine.evaluate('$random()', {})).not.toBe(await engine.evaluate('$random()', {}));
  });
});
