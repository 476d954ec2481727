import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PROGRAM = resolve(__dirname, '..', 'lib', 'count-tests.cjs');

describe('counting tests', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'count-tests-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function count(result: object | null, exitCode: number): string {
    const file = join(dir, 'jest.json');
    if (result) {
      writeFileSync(file, JSON.stringify({ testResults: [], ...result }));
    }
    return spawnSync(process.execPath, [PROGRAM, file, String(exitCode)], { encoding: 'utf8' }).stdout.trim();
  }
  const outcome = (passed: number, failedTests: number, brokenSuites: number) => ({
    numTotalTests: passed + failedTests,
    numPassedTests: passed,
    numFailedTests: failedTests,
    numRuntimeErrorTestSuites: brokenSuites,
  });

  it('adds failed tests and suites that could not run', () => {
    expect(count(outcome(7, 2, 1), 1)).toBe('7 3');
  });
  it('takes a run without a single test for a failure', () => {
    expect(count(outcome(0, 0, 0), 0)).toBe('0 1');
  });
  it('takes a bad exit code for a failure, whatever was counted', () => {
    expect(count(outcome(7, 0, 0), 1)).toBe('7 1');
  });
  it('takes missing results for a failure', () => {
    expect(count(null, 139)).toBe('0 1');
  });
});
