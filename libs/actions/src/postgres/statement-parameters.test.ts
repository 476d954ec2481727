import { highestParameter } from './statement-parameters';

describe('highestParameter', () => {
  it.each([
    ['SELECT 1', 0],
    ['SELECT $1, $3', 3],
    ["SELECT $1, '$2', 'it''s $3'", 1],
    ['SELECT $1 -- $2\n, $3', 3],
    ['SELECT /* $2 /* $3 */ $4 */ $1', 1],
    ['SELECT "a$2", b$3, $1', 1],
    ["SELECT E'a\\'$2', $1", 1],
    ['SELECT $$ $2 $$, $body$ $3 $$ $4 $body$, $1', 1],
    ["SELECT $1 || 'never closed $2", 1],
    ['SELECT $1 /* never closed $2', 1],
    ['SELECT $1::int+$2::int', 2],
  ])('%s uses %d', (statement, highest) => expect(highestParameter(statement)).toBe(highest));

  it('takes time in proportion to the text', () => {
    const started = performance.now();
    highestParameter("'".repeat(20_001) + '/*'.repeat(5_000) + '$a'.repeat(5_000));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
