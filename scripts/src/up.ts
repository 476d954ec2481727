import { join, resolve } from 'node:path';
import { isStillRunning } from '@cortex-mqtt/embedded';
import { announce } from './up/announce';
import { cleanUpAfter } from './up/clean-up';
import { type DataFolder, openDataFolder } from './up/data-folder';
import { readUpOptions, type UpOptions, UsageError } from './up/options';
import { createProgress, type Progress } from './up/progress';
import { DETACHED_VARIABLE, runDetached, waitUntilReady } from './up/run-detached';
import { claimDataFolder, readRunRecord, type RunRecord, type RunRecordFile } from './up/run-record';
import { startStack } from './up/start-stack';

const EXIT = { ok: 0, failed: 1, usage: 2, forced: 130 } as const;

/** scripts/dist/up.js is two folders below the clone. */
const ROOT = resolve(__dirname, '..', '..');

async function main(): Promise<number> {
  const progress = createProgress(process.stderr);
  const options = readUpOptions(process.argv.slice(2), process.env, { root: ROOT, cwd: process.cwd() });
  const data = openDataFolder(options.dataDir);
  if (options.detach && process.env[DETACHED_VARIABLE] !== '1') {
    return startDetached(options, data, progress);
  }
  const claim = await claimAfterCleanUp(data, progress);
  if (claim.kind === 'running') {
    return reportRunning(claim.record, options, data, progress);
  }
  return runUntilStopped({ options, data, progress, record: claim.file });
}

async function startDetached(options: UpOptions, data: DataFolder, progress: Progress): Promise<number> {
  const other = readRunRecord(data.runFile);
  if (other && isStillRunning(other.supervisor)) {
    return reportRunning(other, options, data, progress);
  }
  const result = await runDetached(__filename, process.argv.slice(2), data);
  if (result.kind === 'ended') {
    return result.code;
  }
  const { ready, notes = [] } = result.record;
  if (ready) {
    announce({ addresses: ready, notes, how: 'detached' }, options);
  }
  return EXIT.ok;
}

type ClaimResult = { kind: 'claimed'; file: RunRecordFile } | { kind: 'running'; record: RunRecord };

async function claimAfterCleanUp(data: DataFolder, progress: Progress): Promise<ClaimResult> {
  for (;;) {
    const claim = claimDataFolder(data.runFile);
    switch (claim.kind) {
      case 'claimed':
        return { kind: 'claimed', file: claim.record };
      case 'running':
        return { kind: 'running', record: claim.record };
      case 'dead':
        await progress.step('cleaning up after a start that was killed', () => cleanUpAfter(claim.record, data));
        break;
      default:
        claim satisfies never;
    }
  }
}

async function reportRunning(
  first: RunRecord,
  options: UpOptions,
  data: DataFolder,
  progress: Progress,
): Promise<number> {
  const wait = () => waitUntilReady(data, first);
  const record = first.ready ? first : await progress.step('waiting for another start on the same data', wait);
  if (!record?.ready) {
    progress.say('the other start on the same data ended before it was ready; try again');
    return EXIT.failed;
  }
  announce({ addresses: record.ready, notes: [], how: 'already running' }, options);
  return EXIT.ok;
}

async function runUntilStopped(run: {
  options: UpOptions;
  data: DataFolder;
  progress: Progress;
  record: RunRecordFile;
}): Promise<number> {
  const { options, data, progress, record } = run;
  const stops: (() => Promise<void>)[] = [];
  const abort = new AbortController();
  const stopRequested = waitForStopSignal(abort, data);
  let code: number = EXIT.ok;
  try {
    let giveUp: (text: string) => void = () => undefined;
    const givenUp = new Promise<string>((resolve) => {
      giveUp = resolve;
    });
    const stack = await startStack(
      {
        options,
        data,
        record,
        progress,
        orchestratorEntry: join(ROOT, 'apps', 'orchestrator', 'dist', 'main.js'),
        env: process.env,
        signal: abort.signal,
        onGivenUp: giveUp,
      },
      stops,
    );
    record.update({ ready: stack.addresses, notes: stack.notes });
    if (process.env[DETACHED_VARIABLE] !== '1') {
      announce({ addresses: stack.addresses, notes: stack.notes, how: 'started' }, options);
    }
    const failure = await Promise.race([stopRequested, givenUp]);
    if (failure) {
      progress.say(failure);
      code = EXIT.failed;
    }
  } catch (error) {
    if (!abort.signal.aborted) {
      progress.say((error as Error).message);
      code = error instanceof UsageError ? EXIT.usage : EXIT.failed;
    }
  }
  for (const stop of stops.reverse()) {
    try {
      await stop();
    } catch (error) {
      // The others must be stopped all the same.
      progress.say((error as Error).message);
      code = EXIT.failed;
    }
  }
  record.release();
  return code;
}

/** The first signal stops in order; a second one, of somebody out of patience, by force. */
function waitForStopSignal(abort: AbortController, data: DataFolder): Promise<null> {
  return new Promise((resolve) => {
    const onSignal = () => {
      if (abort.signal.aborted) {
        endByForce(data);
        return;
      }
      abort.abort(new Error('stopped'));
      resolve(null);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, onSignal);
    }
  });
}

function endByForce(data: DataFolder): void {
  const record = readRunRecord(data.runFile);
  const ended = record ? cleanUpAfter(record, data, 'SIGKILL') : Promise.resolve();
  ended.then(
    () => process.exit(EXIT.forced),
    (error: Error) => {
      process.stderr.write(`${error.message}\n`);
      process.exit(EXIT.failed);
    },
  );
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`${error instanceof UsageError ? error.message : (error.stack ?? error.message)}\n`);
    process.exit(error instanceof UsageError ? EXIT.usage : EXIT.failed);
  },
);
