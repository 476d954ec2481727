import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const CONSOLE = join(__dirname, '..', '..');

describe('the generated types of the API', () => {
  it('are those of the document the server gives', async () => {
    const run = promisify(execFile);
    const { stdout } = await run('npm', ['run', '--silent', 'generate:print'], { cwd: CONSOLE, maxBuffer: 10_000_000 });
    const committed = await readFile(join(__dirname, 'openapi.generated.ts'), 'utf8');
    // Not `toBe`: the difference of two long files takes minutes to print. `npm run generate -w @cortex-mqtt/console` fixes it.
    expect(stdout.trim() === committed.trim()).toBe(true);
  }, 120_000);
});
