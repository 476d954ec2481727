import { checkExpression } from './check-expression';
import { createExpressionEngine } from './expression-engine';
import { parseCost } from './parse-cost';

describe('parseCost', () => {
  it.each([
    ['a + b', 5],
    ['a ?? b', 12],
    ['a ?? b ?? c', 44],
    ['[a ?? b, c ?? d]', 1 + 2 * 7 + 2 * 8],
    ['"a ?? b ?? c"', 13],
    ['`a??b`.c', 8],
    ['/* ?? ?? */ a', 13],
  ])('%s costs %d', (source, cost) => expect(parseCost(source)).toBe(cost));

  it('doubles with each fallback in another, and takes no time itself', () => {
    const nested = (depth: number): string => (depth === 0 ? 'a' : `(${nested(depth - 1)} ?? b)`);
    expect(parseCost(nested(20))).toBeGreaterThan(2 ** 20);
    const started = performance.now();
    expect(parseCost(nested(1_000))).toBeGreaterThan(2 ** 60);
    parseCost(')'.repeat(5_000) + '('.repeat(5_000));
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('an expression that the parser would go over for long', () => {
  const nested = (depth: number): string => (depth === 0 ? 'a' : `(${nested(depth - 1)} ?? b)`);

  it('is refused before it is parsed', () => {
    const started = performance.now();
    for (let n = 0; n < 200; n += 1) {
      expect(checkExpression(nested(25))).toMatchObject({ ok: false, fault: { code: 'EXPRESSION_TOO_COMPLEX' } });
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('is not refused for many fallbacks beside each other', () => {
    const fields = Array.from({ length: 60 }, (_, n) => `"f${n}": payload.f${n} ?? "none"`);
    expect(checkExpression(`{${fields.join(', ')}}`)).toMatchObject({ ok: true });
    expect(checkExpression('payload.a ?? payload.b ?? payload.c ?? payload.d ?? "none"')).toMatchObject({ ok: true });
  });

  it('is refused for patterns that repeat too often', () => {
    const patterns = Array.from({ length: 5 }, (_, n) => `$match(a, /x{500}${n}/)`);
    expect(checkExpression(`[${patterns.join(',')}]`)).toMatchObject({
      ok: false,
      fault: { code: 'EXPRESSION_TOO_COMPLEX', position: { line: 1 } },
    });
    expect(checkExpression('$match(a, /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/)')).toMatchObject({ ok: true });
  });

  it('is vetted in a process of its own, within the time of one evaluation', async () => {
    const engine = createExpressionEngine({ limits: { time_ms: 150 } });
    try {
      const fair = `{${Array.from({ length: 60 }, (_, n) => `"f${n}": payload.f${n} + ${n}`).join(', ')}}`;
      expect(await engine.vet({ expressions: [fair], templates: [`x {{ ${fair} }}`] })).toBeNull();
      const heavy = Array.from({ length: 150 }, (_, n) => `/*${n}*/ ${'1+'.repeat(1_500)}1`);
      expect(await engine.vet({ expressions: heavy, templates: [] })).toMatch(/too long to check/);
      expect(await engine.vet({ expressions: ['a'.repeat(600_000)], templates: [] })).toMatch(/500000 characters/);
      // What is faulty is for the check itself to name.
      expect(await engine.vet({ expressions: [`${'x'.repeat(2_000)} +`], templates: ['{{'] })).toBeNull();
      expect(await engine.evaluate('1 + 1', {})).toBe(2);
    } finally {
      await engine.stop();
    }
  });
});
