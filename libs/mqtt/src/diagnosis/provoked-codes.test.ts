import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..', '..', '..');

/** Where real servers, and kernels, are brought into the state that a code tells. */
const PROVOKING = ['libs/mqtt/src', 'libs/mqtt/src/probe', 'apps/listener/src/session', 'tests/src'];

function testsIn(folder: string): string {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.test.ts'));
  return names.map((name) => readFileSync(join(ROOT, folder, name), 'utf8')).join('\n');
}

it('has a test against a real server for every diagnosis', () => {
  const sources = readdirSync(__dirname).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  const codes = sources.flatMap((name) =>
    [...readFileSync(join(__dirname, name), 'utf8').matchAll(/code: '([A-Z0-9_]+)'/g)].map(([, code]) => code!),
  );
  expect(codes.length).toBeGreaterThan(60);
  const tests = PROVOKING.map(testsIn).join('\n');
  // UNKNOWN is what no test could foresee.
  const untested = codes.filter((code) => code !== 'UNKNOWN' && !new RegExp(`\\b${code}\\b`).test(tests));
  expect([...new Set(untested)]).toEqual([]);
});
