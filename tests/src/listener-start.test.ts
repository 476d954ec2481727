import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { entryOf } from './harness/node-process';

const run = promisify(execFile);

/** Packages from `node_modules` that a program has loaded when its modules are loaded and nothing has run yet. */
async function packagesLoadedBy(entry: string): Promise<Set<string>> {
  const program = `require(${JSON.stringify(entry)}); console.log(JSON.stringify(Object.keys(require.cache)));`;
  const { stdout } = await run(process.execPath, ['-e', program], { maxBuffer: 16 * 1024 * 1024 });
  const files = JSON.parse(stdout) as string[];
  return new Set(files.flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
}

describe('the start of a listener', () => {
  it('loads no library that only some listeners need', async () => {
    const loaded = await packagesLoadedBy(entryOf('listener'));
    expect(loaded).toContain('mqtt');
    const late = ['bullmq', 'ioredis', 'pg', 'prom-client', 'jsonata', 're2js', 'ws', 'libphonenumber-js', 'typeorm'];
    expect(late.filter((name) => loaded.has(name))).toEqual([]);
  });
});
