import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isStillRunning, stopProcess } from '@cortex-mqtt/embedded';
import { cleanUpAfter } from './up/clean-up';
import { openDataFolder } from './up/data-folder';
import { readDataDir } from './up/options';
import { createProgress } from './up/progress';
import { readRunRecord } from './up/run-record';

/** Longer than all parts' own time limits together. */
const STOP_TIMEOUT_MS = 120_000;

async function main(): Promise<void> {
  const progress = createProgress(process.stderr);
  const path = readDataDir(process.env, { root: resolve(__dirname, '..', '..'), cwd: process.cwd() });
  const data = existsSync(path) ? openDataFolder(path) : null;
  const record = data ? readRunRecord(data.runFile) : null;
  if (!data || !record) {
    progress.say(`nothing is running on the data in ${path}`);
    return;
  }
  if (isStillRunning(record.supervisor)) {
    await progress.step('stopping', () =>
      stopProcess(record.supervisor, { signal: 'SIGTERM', timeout_ms: STOP_TIMEOUT_MS }),
    );
  }
  if (readRunRecord(data.runFile)) {
    await progress.step('cleaning up after a start that was killed', () => cleanUpAfter(record, data));
  }
}

main().catch((error: Error) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  process.exit(1);
});
