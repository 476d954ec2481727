import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFolder } from './data-folder';
import { claimDataFolder, readRunRecord } from './run-record';

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'data-folder-'));
});
afterEach(() => rmSync(path, { recursive: true }));

describe('the data folder', () => {
  it('generates secrets once, and keeps them from others', () => {
    const first = openDataFolder(path).secrets();
    expect(Buffer.from(first.encryption_key, 'base64')).toHaveLength(32);
    expect(openDataFolder(path).secrets()).toEqual(first);
    expect(statSync(join(path, 'secrets.json')).mode & 0o077).toBe(0);
  });

  it('adds to what it remembers without forgetting the rest', () => {
    const data = openDataFolder(path);
    const before = data.secrets();
    data.saveSecrets({ api_token: 'cmt_x' });
    data.savePorts({ broker: 1 });
    data.savePorts({ demo_receiver: 2 });
    expect(openDataFolder(path).secrets()).toEqual({ ...before, api_token: 'cmt_x' });
    expect(data.ports()).toEqual({ broker: 1, demo_receiver: 2 });
    expect(statSync(join(path, 'secrets.json')).mode & 0o077).toBe(0);
  });
});

describe('the claim on a data folder', () => {
  it('is held by one at a time, who is told to the next', () => {
    const { runFile } = openDataFolder(path);
    const first = claimDataFolder(runFile);
    expect(first.kind).toBe('claimed');
    expect(claimDataFolder(runFile)).toMatchObject({ kind: 'running', record: { supervisor: { pid: process.pid } } });
    if (first.kind === 'claimed') {
      first.record.update({ notes: ['a note'] });
      expect(readRunRecord(runFile)?.notes).toEqual(['a note']);
      first.record.release();
    }
    expect(claimDataFolder(runFile).kind).toBe('claimed');
  });

  it('of a dead process is seen as such, also when its pid is in use again', () => {
    const { runFile } = openDataFolder(path);
    writeFileSync(runFile, JSON.stringify({ supervisor: { pid: process.pid, started: 'long ago' }, children: [] }));
    expect(claimDataFolder(runFile).kind).toBe('dead');
  });

  it('leaves no files of its own behind', () => {
    const data = openDataFolder(path);
    const claim = claimDataFolder(data.runFile);
    if (claim.kind === 'claimed') {
      claim.record.update({ notes: [] });
      claim.record.release();
    }
    expect(readdirSync(path).sort()).toEqual(['logs', 'secrets.json']);
  });
});
