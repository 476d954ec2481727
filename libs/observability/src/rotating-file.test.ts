import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEventLog } from './event-log';
import { createRedactor } from './redactor';
import { createRotatingFile } from './rotating-file';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rotating-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('createRotatingFile', () => {
  it('keeps the newest files and never exceeds the size', async () => {
    const path = join(folder, 'x.log');
    const file = createRotatingFile({ path, max_size_bytes: 30, max_files: 3 });
    for (let i = 0; i < 10; i += 1) file.write(`line-${i}-6789`); // 12 bytes with its newline, 2 a file
    await file.close();
    expect(readdirSync(folder).sort()).toEqual(['x.log', 'x.log.1', 'x.log.2']);
    expect(readFileSync(path, 'utf8')).toBe('line-8-6789\nline-9-6789\n');
    expect(readFileSync(`${path}.2`, 'utf8')).toBe('line-4-6789\nline-5-6789\n');
  });

  it('begins anew in place when one file is all it may keep', async () => {
    const path = join(folder, 'x.log');
    const file = createRotatingFile({ path, max_size_bytes: 10, max_files: 1 });
    for (const line of ['aaaaaaaa', 'bbbbbbbb']) file.write(line);
    await file.close();
    expect(readdirSync(folder)).toEqual(['x.log']);
    expect(readFileSync(path, 'utf8')).toBe('bbbbbbbb\n');
  });

  it('appends to what an earlier run left', async () => {
    const path = join(folder, 'x.log');
    for (const line of ['one', 'two']) {
      const file = createRotatingFile({ path });
      file.write(line);
      await file.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  });

  it('goes on once an obstacle is gone, and tells how many lines were lost', async () => {
    const path = join(folder, 'x.log');
    mkdirSync(path);
    const troubles: number[] = [];
    const file = createRotatingFile({ path, onTrouble: ({ lost_lines }) => troubles.push(lost_lines) });
    file.write('lost');
    file.write('lost too');
    await file.flush();
    rmdirSync(path);
    file.write('kept');
    await file.close();
    expect(troubles).toEqual([2]);
    expect(readFileSync(path, 'utf8')).toBe('kept\n');
  });
});

describe('createEventLog', () => {
  it('writes a line a message, without secrets', async () => {
    const path = join(folder, 'events.log');
    const redactor = createRedactor();
    redactor.addSecret('hunter2222');
    const log = createEventLog({ path, redactor });
    log.record({
      message_id: 'm1',
      product_id: 1,
      subscription_id: null,
      topic: 'a/hunter2222',
      outcome: 'unmatched',
      duration_ms: 2,
    });
    await log.close();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      time: expect.any(String),
      message_id: 'm1',
      product_id: 1,
      subscription_id: null,
      topic: 'a/[redacted]',
      outcome: 'unmatched',
      duration_ms: 2,
    });
  });
});
