import { batchStatementOf, mostRows, statementFor } from './batch-statement';

const combined = (statement: string, values: unknown[][]) => {
  const batch = batchStatementOf(statement);
  return batch && statementFor(batch, values);
};

it.each([
  ['insert into t values ($1,$2)', 'insert into t values ($1,$2), ($3,$4)'],
  ["INSERT INTO t (a) VALUES (f($2, ')'), $1 /* ) $9 */) RETURNING id;", null],
  [
    'INSERT INTO "values" (a, b) VALUES (now(), coalesce($1, (SELECT $2::int))) ON CONFLICT (a) DO UPDATE SET b = excluded.b',
    'INSERT INTO "values" (a, b) VALUES (now(), coalesce($1, (SELECT $2::int))), (now(), coalesce($3, (SELECT $4::int))) ON CONFLICT (a) DO UPDATE SET b = excluded.b',
  ],
])('%s gets a row for each message', (statement, wanted) => {
  const made = combined(statement, [
    ['a', 1],
    ['b', 2],
  ]);
  expect(made?.parameters).toEqual(['a', 1, 'b', 2]);
  if (wanted === null) expect(made?.statement.match(/f\(\$4, '\)'\), \$3/)).not.toBeNull();
  else expect(made?.statement).toBe(wanted);
});

it('gives each parameter an array where all are cast to one', () => {
  const statement = 'UPDATE t SET n = v.n FROM unnest($1::text[], $2::numeric(10, 2)[]) AS v(id, n) WHERE t.id = v.id';
  expect(combined(statement, [['a', 1], ['b']])).toEqual({
    statement,
    parameters: [
      ['a', 'b'],
      [1, null],
    ],
  });
});

it.each([
  'UPDATE t SET n = $1 WHERE id = $2',
  'INSERT INTO t VALUES ($1), ($2)',
  'INSERT INTO t VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = $2',
  'INSERT INTO t SELECT $1::text[], $2',
  'INSERT INTO t DEFAULT VALUES',
  'SELECT 1',
  'INSERT INTO t VALUES (now())',
  '',
])('%s can not take several', (statement) => {
  expect(batchStatementOf(statement)).toBeNull();
});

it('has no more rows than the protocol has parameters for', () => {
  const batch = batchStatementOf('INSERT INTO t VALUES ($1, $2, $3)');
  expect(batch && mostRows(batch)).toBe(21_845);
});
