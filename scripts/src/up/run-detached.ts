import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isStillRunning } from '@cortex-mqtt/embedded';
import type { DataFolder } from './data-folder';
import { type RunRecord, readRunRecord } from './run-record';

/** Set in the environment of the process that does the work of a detached start. */
export const DETACHED_VARIABLE = 'CORTEX_MQTT_DETACHED';

export type DetachedResult = { kind: 'ready'; record: RunRecord } | { kind: 'ended'; code: number };

/**
 * Starts this command again, free of the terminal and with its output in a log, and shows that log until it is ready or
 * has ended.
 */
export async function runDetached(entry: string, args: readonly string[], data: DataFolder): Promise<DetachedResult> {
  const logFile = join(data.logs, 'up.log');
  const log = openSync(logFile, 'a', 0o600);
  let shown = statSync(logFile).size;
  const child = spawn(process.execPath, ['--enable-source-maps', entry, ...args], {
    env: { ...process.env, [DETACHED_VARIABLE]: '1' },
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
  let code: number | null = null;
  ended.then(
    (value) => {
      code = value;
    },
    () => undefined,
  ); // Awaited below.
  const interrupt = () => child.kill('SIGTERM');
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    for (;;) {
      shown = showFrom(logFile, shown);
      if (code !== null || child.pid === undefined) {
        return { kind: 'ended', code: await ended };
      }
      const record = readRunRecord(data.runFile);
      if (record?.ready && record.supervisor.pid === child.pid) {
        showFrom(logFile, shown);
        child.unref();
        return { kind: 'ready', record };
      }
      await delay(50);
    }
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** Waits for a start that another process is in the middle of. null when that one ended without getting there. */
export async function waitUntilReady(data: DataFolder, first: RunRecord): Promise<RunRecord | null> {
  let record: RunRecord | null = first;
  while (record && isStillRunning(record.supervisor)) {
    if (record.ready) {
      return record;
    }
    await delay(100);
    record = readRunRecord(data.runFile);
  }
  return null;
}

function showFrom(file: string, from: number): number {
  if (!existsSync(file)) {
    return from;
  }
  const { size } = statSync(file);
  if (size > from) {
    const text = Buffer.alloc(size - from);
    const descriptor = openSync(file, 'r');
    readSync(descriptor, text, 0, text.length, from);
    closeSync(descriptor);
    process.stderr.write(text);
  }
  return size;
}
