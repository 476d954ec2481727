import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const MODULE = resolve(__dirname, '..', 'dist', 'process-guard.js');

it('keeps a process serving that a rejection would have ended', async () => {
  const script = (guard: string): string => `${guard}
    Promise.reject(new Error('nobody hears this'));
    setTimeout(() => console.log('still serving'), 50);`;
  const run = promisify(execFile);
  await expect(run(process.execPath, ['-e', script('')])).rejects.toMatchObject({ code: 1 });
  const guard = `require(${JSON.stringify(MODULE)}).guardProcess({
    logger: { error: (message, { error }) => console.log(message, error.message) } });`;
  const { stdout } = await run(process.execPath, ['-e', script(guard)]);
  expect(stdout).toContain('unhandled promise rejection; the process continues nobody hears this');
  expect(stdout).toContain('still serving');
});
