import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@cortex-mqtt/testing';
import { keepLogsSmall } from './log-keeper';

it('rotates a log while a process writes to it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'logs-'));
  const file = join(directory, 'some.log');
  const log = openSync(file, 'a');
  const script = `setInterval(() => console.log('x'.repeat(1000)), 1)`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', log, log] });
  closeSync(log);
  const faults: string[] = [];
  const stop = keepLogsSmall([file, join(directory, 'absent.log')], {
    limit_bytes: 50_000,
    every_ms: 20,
    onFault: (text) => faults.push(text),
  });
  try {
    await waitFor(() => (statSync(`${file}.1`, { throwIfNoEntry: false })?.size ?? 0) > 50_000, { timeout_ms: 20_000 });
    // It continues at the beginning, without a hole.
    await waitFor(() => statSync(file).size > 2_000);
    expect(readFileSync(file, 'utf8').startsWith('x')).toBe(true);
    expect(faults).toEqual([]);
  } finally {
    stop();
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  }
});
