/**
 * Reads what jest left of a run. On standard output:
 *   test-results.cjs again FILE             the suites that failed, one path a line, to be tried once more
 *   test-results.cjs count FILE CODE [SECOND_FILE SECOND_CODE]
 *                                           "PASSED FAILED"; CODE is the exit code of jest, SECOND_FILE the run of
 *                                           those tried once more, which counts in place of their first one
 * Skipped tests and suites that passed only alone are named on standard error, so that none goes unnoticed. Why the latter failed
 * at first is kept in passed-alone.txt beside SECOND_FILE.
 */
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');

/** More suites than these don't fail because a machine is busy. */
const MOST_AGAIN = 4;

const read = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).testResults : null);

const hasFailed = (suite) => suite.status === 'failed' || failures(suite) > 0;

/** Failed tests; a suite that could not even be loaded counts as one. */
function failures({ assertionResults, status }) {
  const failed = assertionResults.filter((test) => test.status === 'failed').length;
  return failed === 0 && status === 'failed' ? 1 : failed;
}

function again(file) {
  const suites = (read(file) ?? []).filter(hasFailed);
  return suites.length > MOST_AGAIN ? [] : suites.map(({ name }) => name);
}

function count(file, code, secondFile, secondCode) {
  const first = read(file);
  if (first === null) return lost(code);
  const second = secondFile === undefined ? [] : read(secondFile);
  if (second === null) return lost(secondCode);
  const latest = new Map([...first, ...second].map((suite) => [suite.name, suite]));
  const suites = [...latest.values()];
  const alone = new Set(second.filter((suite) => !hasFailed(suite)).map(({ name }) => name));
  for (const name of alone) console.error(`failed at first, passed alone: ${name}`);
  if (secondFile !== undefined)
    keepReasons(
      join(dirname(secondFile), 'passed-alone.txt'),
      first.filter(({ name }) => alone.has(name)),
    );
  const tests = suites.flatMap(({ assertionResults }) => assertionResults);
  for (const { status, fullName } of tests) {
    if (status === 'pending' || status === 'todo') console.error(`skipped: ${fullName}`);
  }
  const passed = tests.filter(({ status }) => status === 'passed').length;
  let failed = suites.reduce((sum, suite) => sum + failures(suite), 0);
  if (tests.length === 0) {
    console.error('no test ran');
    failed = Math.max(failed, 1);
  }
  const lastCode = secondCode ?? code;
  if (lastCode !== '0' && failed === 0) {
    console.error(`jest ended with code ${lastCode} although no test failed`);
    failed = 1;
  }
  return `${passed} ${failed}`;
}

function keepReasons(file, suites) {
  const reasonsOf = ({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    const texts = failed.map(({ fullName, failureMessages = [] }) => [fullName, ...failureMessages].join('\n'));
    return [name, ...(texts.length > 0 ? texts : [message ?? 'could not run'])].join('\n\n');
  };
  writeFileSync(file, suites.map((suite) => `${reasonsOf(suite)}\n`).join('\n'));
}

function lost(code) {
  console.error(`jest ended with code ${code} and left no results`);
  return '0 1';
}

const [command, ...rest] = process.argv.slice(2);
if (command === 'again')
  process.stdout.write(
    again(...rest)
      .map((path) => `${path}\n`)
      .join(''),
  );
else if (command === 'count') console.log(count(...rest));
else {
  console.error('usage: test-results.cjs again FILE | count FILE CODE [SECOND_FILE SECOND_CODE]');
  process.exit(2);
}
