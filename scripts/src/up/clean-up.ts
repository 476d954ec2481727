import { rmSync } from 'node:fs';
import { stopOrphanedPostgres, stopProcessGroup } from '@cortex-mqtt/embedded';
import type { DataFolder } from './data-folder';
import type { RunRecord } from './run-record';

/** What is left of a killed run may still finish what it has in flight. */
const STOP_TIMEOUT_MS = 20_000;

/** Ends what a killed run left behind (exactly the recorded processes, never others that got their pids) and its claim. */
export async function cleanUpAfter(
  record: RunRecord,
  data: DataFolder,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<void> {
  for (const child of [...record.children].reverse()) {
    await stopProcessGroup(child.process, { signal, timeout_ms: STOP_TIMEOUT_MS });
  }
  await stopOrphanedPostgres(data.postgres);
  rmSync(data.runFile, { force: true });
}
