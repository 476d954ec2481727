import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PROGRAM = resolve(__dirname, '..', 'lib', 'test-results.cjs');

interface Suite {
  name: string;
  status: 'passed' | 'failed';
  assertionResults: { status: string; fullName: string }[];
}

describe('the results of the tests', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'test-results-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const suite = (name: string, ...statuses: string[]): Suite => ({
    name,
    status: statuses.length === 0 || statuses.includes('failed') ? 'failed' : 'passed',
    assertionResults: statuses.map((status, index) => ({ status, fullName: `${name} ${index}` })),
  });
  const write = (name: string, testResults: Suite[]): string => {
    const file = join(dir, name);
    writeFileSync(file, JSON.stringify({ testResults }));
    return file;
  };
  const run = (...args: (string | number)[]) => {
    const { stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args.map(String)], { encoding: 'utf8' });
    return { out: stdout.trim(), told: stderr.trim() };
  };

  describe('counted', () => {
    it('add failed tests and suites that could not run', () => {
      const file = write('first.json', [suite('a', 'passed', 'failed', 'passed'), suite('b')]);
      expect(run('count', file, 1).out).toBe('2 2');
    });
    it('name what was skipped', () => {
      expect(run('count', write('first.json', [suite('a', 'passed', 'pending')]), 0)).toEqual({
        out: '1 0',
        told: 'skipped: a 1',
      });
    });
    it('take a run without a single test for a failure', () => {
      expect(run('count', write('first.json', []), 0).out).toBe('0 1');
    });
    it('take a bad exit code for a failure, whatever was counted', () => {
      expect(run('count', write('first.json', [suite('a', 'passed')]), 1).out).toBe('1 1');
    });
    it('take missing results for a failure, of the second run too', () => {
      expect(run('count', join(dir, 'none.json'), 139).out).toBe('0 1');
      const file = write('first.json', [suite('a', 'passed', 'failed')]);
      expect(run('count', file, 1, join(dir, 'none.json'), 139).out).toBe('0 1');
    });
    it('take the second run of a suite in place of its first, and say so', () => {
      const first = write('first.json', [suite('a', 'passed', 'failed'), suite('b', 'passed')]);
      expect(run('count', first, 1, write('second.json', [suite('a', 'passed', 'passed')]), 0)).toEqual({
        out: '3 0',
        told: 'failed at first, passed alone: a',
      });
      expect(readFileSync(join(dir, 'passed-alone.txt'), 'utf8')).toBe('a\n\na 1\n');
      expect(run('count', first, 1, write('worse.json', [suite('a', 'failed', 'failed')]), 1).out).toBe('1 2');
    });
    it('keep the failures of what was not tried once more', () => {
      const first = write('first.json', [suite('a', 'failed'), suite('b', 'failed')]);
      expect(run('count', first, 1, write('second.json', [suite('a', 'passed')]), 0).out).toBe('1 1');
    });
  });

  describe('tried once more', () => {
    it('are the suites that failed', () => {
      const file = write('first.json', [suite('good', 'passed'), suite('bad', 'failed'), suite('broken')]);
      expect(run('again', file).out.split('\n')).toEqual(['bad', 'broken']);
    });
    it('are none when many failed: that is no accident', () => {
      const file = write(
        'first.json',
        ['a', 'b', 'c', 'd', 'e'].map((name) => suite(name, 'failed')),
      );
      expect(run('again', file).out).toBe('');
    });
  });
});
