import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { identifyProcess, isStillRunning, type ProcessIdentity } from '@cortex-mqtt/embedded';

/** What `--json` prints. */
export interface StackAddresses {
  orchestrator_url: string;
  console_url: string;
  docs_url: string;
  queues_url: string;
  admin_email: string;
  admin_password: string;
  /** null when it can't be made any more: the admin's password was changed and the stored token revoked. */
  api_token: string | null;
  /** With user name and password. */
  broker_url: string;
  data_dir: string;
}

/** Who runs on a data folder, and what it started, so that a later start can clean up after a killed one. */
export interface RunRecord {
  supervisor: ProcessIdentity;
  /** Leaders of their own process groups. */
  children: { name: string; process: ProcessIdentity }[];
  /** Set when all is healthy. */
  ready?: StackAddresses;
  /** Warnings of the start, for whoever waits for a detached one. */
  notes?: string[];
}

export type Claim =
  | { kind: 'claimed'; record: RunRecordFile }
  | { kind: 'running'; record: RunRecord }
  | { kind: 'dead'; record: RunRecord };

/** The claim on a data folder, held by this process. */
export interface RunRecordFile {
  update(change: Partial<Omit<RunRecord, 'supervisor'>>): void;
  release(): void;
}

export function readRunRecord(file: string): RunRecord | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return null;
    }
    throw error;
  }
}

/** Claims a data folder, or tells who has it and whether that one still lives. */
export function claimDataFolder(file: string): Claim {
  const supervisor = identifyProcess(process.pid);
  if (!supervisor) {
    throw new Error('this process can not be identified');
  }
  let record: RunRecord = { supervisor, children: [] };
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(record), { mode: 0o600 });
  try {
    // A link appears with its content or fails: of two that start at once one wins, and nobody reads half a file.
    linkSync(own, file);
  } catch (error) {
    rmSync(own);
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw error;
    }
    const other = readRunRecord(file);
    if (!other) {
      return claimDataFolder(file);
    }
    return { kind: isStillRunning(other.supervisor) ? 'running' : 'dead', record: other };
  }
  rmSync(own);
  return {
    kind: 'claimed',
    record: {
      update: (change) => {
        record = { ...record, ...change };
        writeFileSync(own, JSON.stringify(record), { mode: 0o600 });
        renameSync(own, file);
      },
      release: () => rmSync(file, { force: true }),
    },
  };
}
