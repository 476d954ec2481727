import { createExpressionEngine, type ExpressionEngine } from './expression-engine';
import { ExactValue } from './exact-value';
import { ExpressionError } from './expression-error';
import { checkTemplate, compileTemplate, type Escape, listSecretNames, REDACTED, type TemplateScope } from './template';
import { buildEnvelope } from './testing/build-envelope';

let engine: ExpressionEngine;

beforeAll(() => {
  engine = createExpressionEngine();
});

afterAll(() => engine.stop());

const payload = JSON.stringify({
  order: { id: 42, 'sku-code': 'a/b', name: 'Zoë "Z"\nnext', none: null, items: [{ sku: 'x' }, { sku: 'y' }] },
}).replace('42', '9007199254740993');

function buildScope(overrides: Partial<TemplateScope> = {}): TemplateScope {
  return {
    envelope: buildEnvelope({ payload, user_properties: { trace: 't 1' } }),
    secrets: (name) => ({ TOKEN: 's3 cret', BAD: 'a\r\nb' })[name],
    engine,
    ...overrides,
  };
}

async function render(text: string, context: Escape = 'none', scope = buildScope()): Promise<string> {
  return compileTemplate(text).render(scope, { escape: context });
}

describe('render', () => {
  it.each([
    ['plain', 'plain'],
    ['{{topic}}', 'orders/7/created'],
    ['{{ params.order }}-{{user_properties.trace}}', '7-t 1'],
    ['{{payload.order.sku-code}}', 'a/b'],
    ['{{payload.order.items[1].sku}} {{payload.order.items.0.sku}}', 'y x'],
    ['{{payload.order.items.sku}}', '["x","y"]'],
    ['{{ $uppercase(payload.order.items[0].sku) & "}}" }}', 'X}}'],
    ['{{ {"a": {"b": 1}} }}', '{"a":{"b":1}}'],
    ['{{payload.order.missing?}}|{{payload.order.none?}}|', '||'],
    ['{{ payload.order.missing ?? "else" }}', 'else'],
    ['Bearer {{secrets.TOKEN}}', 'Bearer s3 cret'],
    ['{"a": {"b": 1}}', '{"a": {"b": 1}}'],
  ])('%s', async (text, expected) => {
    expect(await render(text)).toBe(expected);
  });

  it('keeps every digit of a number', async () => {
    expect(await render('{{payload.order.id}}')).toBe('9007199254740993');
    expect(await render('{"id": {{payload.order.id}}}', 'json')).toBe('{"id": 9007199254740993}');
    const decimals = buildScope({
      envelope: buildEnvelope({ payload: '[{"v": 1.10}, {"a\\"b": [0.1000000000000000055511]}]' }),
    });
    expect(await render('{{payload[0].v}}', 'none', decimals)).toBe('1.10');
  });

  it.each([
    ['{{payload}}', '{"id":9007199254740993,"price":100.00,"2":{"b":[1.50,"a  b"]},"1":-0}'],
    ['{{payload.2}}', '{"b":[1.50,"a  b"]}'],
    ['{{payload.2.b}} {{payload.2.b[0]}}', '[1.50,"a  b"] 1.50'],
    ['{{payload.price}}|{{payload.1}}', '100.00|-0'],
    ['{{payload.`id`}} {{$.payload.id}}', '9007199254740993 9007199254740993'],
    ['{{ payload.price + 1 }}', '101'],
  ])('writes %s as it came, without blanks', async (text, expected) => {
    const came = '{"id": 9007199254740993, "price": 100.00, "2": {"b": [1.50, "a  b"]},\n "1": -0}';
    expect(await render(text, 'none', buildScope({ envelope: buildEnvelope({ payload: came }) }))).toBe(expected);
  });

  it('writes what the input holds with its digits', async () => {
    const input = new ExactValue({ id: 9007199254740992, of: [1] }, '{"id":9007199254740993,"of":[1.00]}', 'kept');
    const texts = '{{input.id}} {{input}} {{input.of[0]}} {{ $input.id }}';
    expect(await render(texts, 'none', buildScope({ input }))).toBe(
      '9007199254740993 {"id":9007199254740993,"of":[1.00]} 1.00 9007199254740993',
    );
  });

  it('percent-encodes values in a URL, so that none adds a path, a query or a host', async () => {
    expect(await render('https://x.test/{{payload.order.sku-code}}?n={{payload.order.name}}', 'url')).toBe(
      'https://x.test/a%2Fb?n=Zo%C3%AB%20%22Z%22%0Anext',
    );
  });

  it('writes JSON values, and the inside of a string between quotes', async () => {
    const text =
      '{"name": "{{payload.order.name}}", "same": {{payload.order.name}}, "none": {{payload.order.none}}, "l": {{payload.order.items}}, "m": {{payload.x?}}}';
    expect(JSON.parse(await render(text, 'json'))).toEqual({
      name: 'Zoë "Z"\nnext',
      same: 'Zoë "Z"\nnext',
      none: null,
      l: [{ sku: 'x' }, { sku: 'y' }],
      m: null,
    });
  });

  it('refuses a line break in a header', async () => {
    await expect(render('{{payload.order.name}}', 'header')).rejects.toMatchObject({ code: 'TEMPLATE_HEADER_VALUE' });
    await expect(render('{{secrets.BAD}}', 'header')).rejects.toMatchObject({ code: 'TEMPLATE_HEADER_VALUE' });
  });

  it('names the path that has no value', async () => {
    const result = render('/{{payload.order.missing}}');
    await expect(result).rejects.toThrow('{{payload.order.missing}}');
    await expect(result).rejects.toMatchObject({
      permanent: true,
      code: 'TEMPLATE_MISSING_VALUE',
      position: { column: 2 },
    });
    await expect(render('{{payload.order.none}}')).rejects.toThrow(ExpressionError);
    await expect(render('{{params.constructor}}')).rejects.toThrow(ExpressionError);
    await expect(render('{{payload.__proto__.x}}')).rejects.toThrow(ExpressionError);
  });

  it("reads the action's input", async () => {
    const scope = buildScope({ input: new ExactValue({ total: 5, lines: [{ n: 1 }, { n: 2 }] }, null, 'none') });
    expect(
      await render('{{input.total}} {{input.lines[1].n}} {{input.lines.n}} {{ $input.total + 1 }}', 'none', scope),
    ).toBe('5 2 [1,2] 6');
  });

  it('shows secrets as dots when told to, in a URL too', async () => {
    const scope = buildScope({ secrets: 'redact' });
    expect(await render('https://x.test/{{secrets.TOKEN}}', 'url', scope)).toBe(`https://x.test/${REDACTED}`);
  });

  it('fails on a secret that is not there', async () => {
    await expect(render('{{secrets.OTHER}}')).rejects.toMatchObject({ code: 'SECRET_MISSING' });
  });
});

describe('checkTemplate', () => {
  it.each([
    ['a {{topic', 'TEMPLATE_NOT_CLOSED', 3],
    ['{{}}', 'TEMPLATE_EMPTY', 1],
    ['{{payloda.id}}', 'TEMPLATE_UNKNOWN_NAME', 1],
    ['{{secrets}}', 'TEMPLATE_SECRET', 1],
    ['{{secrets.A.b}}', 'TEMPLATE_SECRET', 1],
    ['x {{ $uppercase(secrets.A) }}', 'TEMPLATE_SECRET', 3],
    ['ab {{ payload.id + }}', 'S0207', 19],
    ['{{ $nope(1) }}', 'UNKNOWN_FUNCTION', 4],
  ])('refuses %j with its place', (text, code, column) => {
    expect(checkTemplate(text)).toMatchObject({ ok: false, fault: { code, position: { line: 1, column } } });
  });

  it('lists the secrets, each once', () => {
    expect(listSecretNames('{{secrets.A}} {{secrets.B}} {{ secrets.A }} {{topic}}')).toEqual(['A', 'B']);
  });
});
