/**
 * Prints "PASSED FAILED" of a jest result file on standard output; names skipped tests on standard error, so that none is
 * skipped silently. Usage: count-tests.cjs FILE EXIT_CODE_OF_JEST
 */
const { existsSync, readFileSync } = require('node:fs');

const [file, exitCode] = process.argv.slice(2);
if (!existsSync(file)) {
  console.error(`jest ended with code ${exitCode} and left no results`);
  console.log('0 1');
  process.exit(0);
}
const result = JSON.parse(readFileSync(file, 'utf8'));
let failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
if (result.numTotalTests === 0) {
  console.error('no test ran');
  failed = Math.max(failed, 1);
}
if (exitCode !== '0' && failed === 0) {
  console.error(`jest ended with code ${exitCode} although no test failed`);
  failed = 1;
}
for (const suite of result.testResults) {
  for (const test of suite.assertionResults) {
    if (test.status === 'pending' || test.status === 'todo') {
      console.error(`skipped: ${test.fullName}`);
    }
  }
}
console.log(`${result.numPassedTests} ${failed}`);
