import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EncryptedFile } from './encrypted-file';

let folder: string;
let path: string;
const options = () => ({ path, secret: 'cmq_listener_token', purpose: 'last known good' });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'encrypted-'));
  path = join(folder, 'cache', 'config');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('EncryptedFile', () => {
  it('reads back what it wrote, unreadable to others', async () => {
    const file = new EncryptedFile(options());
    expect(await file.read()).toBeNull();
    await file.write('{"password":"hunter2"}');
    expect(await new EncryptedFile(options()).read()).toBe('{"password":"hunter2"}');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).not.toContain('hunter2');
    expect(readdirSync(join(folder, 'cache'))).toEqual(['config']);
  });

  it('keeps the last of many writes at once', async () => {
    const file = new EncryptedFile(options());
    await Promise.all(Array.from({ length: 20 }, (_, i) => file.write(`revision ${i}`)));
    expect(await file.read()).toBe('revision 19');
  });

  it('does not inherit the permissions of a temporary file that a crash left', async () => {
    mkdirSync(join(folder, 'cache'));
    writeFileSync(`${path}.tmp`, 'half');
    chmodSync(`${path}.tmp`, 0o666);
    await new EncryptedFile(options()).write('x');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('does not open with another secret, for another purpose, or damaged', async () => {
    const file = new EncryptedFile(options());
    await file.write('x');
    for (const other of [{ secret: 'another' }, { purpose: 'another' }]) {
      await expect(new EncryptedFile({ ...options(), ...other }).read()).rejects.toMatchObject({
        fault: 'not_openable',
      });
    }
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, -3));
    await expect(file.read()).rejects.toMatchObject({ fault: 'not_openable' });
    writeFileSync(path, '');
    await expect(file.read()).rejects.toMatchObject({ fault: 'not_openable' });
  });

  it('keeps the old text when a write fails, and writes again afterwards', async () => {
    const file = new EncryptedFile(options());
    await file.write('old');
    mkdirSync(`${path}.tmp`); // in the way
    await expect(file.write('new')).rejects.toMatchObject({ name: 'EncryptedFileError', fault: 'io' });
    expect(await file.read()).toBe('old');
    rmSync(`${path}.tmp`, { recursive: true });
    await file.write('new');
    expect(await file.read()).toBe('new');
  });

  it('says so when its folder cannot be made', async () => {
    writeFileSync(join(folder, 'cache'), 'a file where the folder should be');
    await expect(new EncryptedFile(options()).write('x')).rejects.toMatchObject({
      fault: 'io',
      message: expect.stringMatching(/config cannot be written \(E[A-Z]+\)$/),
      cause: expect.anything(),
    });
  });

  it('is gone once removed, twice if need be', async () => {
    const file = new EncryptedFile(options());
    await file.write('x');
    await file.remove();
    await file.remove();
    expect(await file.read()).toBeNull();
  });
});
