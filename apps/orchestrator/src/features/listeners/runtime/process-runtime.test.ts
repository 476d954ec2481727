import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@cortex-mqtt/testing';
import { ProcessListenerRuntime } from './process-runtime';

/** Says that it lives until it is told to hang or to end, by files. */
const CHILD = `
const { existsSync, rmSync } = require('node:fs');
process.send({ kind: 'alive' });
setInterval(() => process.send({ kind: 'alive' }), 20);
setInterval(() => {
  if (existsSync(process.env.DIR + '/hang')) { rmSync(process.env.DIR + '/hang'); for (;;); }
  if (existsSync(process.env.DIR + '/end')) { rmSync(process.env.DIR + '/end'); process.exit(3); }
}, 10);
process.on('disconnect', () => process.exit());
`;

describe('listeners as processes', () => {
  let directory: string;
  let runtime: ProcessListenerRuntime;
  const pids: number[] = [];
  const warn = jest.fn();
  let isDatabaseAway = false;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'runtime-'));
    const entry = join(directory, 'child.js');
    writeFileSync(entry, CHILD);
    const known = <T>(value: T): Promise<T> =>
      isDatabaseAway ? Promise.reject(new Error('the database is away')) : Promise.resolve(value);
    runtime = new ProcessListenerRuntime({
      wanted: () => known([{ product_id: 1, slug: 'demo', replicas: 1, is_shared: false }]),
      environment: () => known({ DIR: directory }),
      entry,
      hang_limit_ms: 1_500,
      logger: {
        info: (_message: string, { pid }: { pid: number }) => pids.push(pid),
        warn,
        error: warn,
      } as never,
    });
    await runtime.start();
  });
  afterAll(async () => {
    await runtime.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('are ended and started again when their event loop hangs', async () => {
    await waitFor(() => pids.length === 1);
    writeFileSync(join(directory, 'hang'), '');
    await waitFor(() => pids.length === 2, { timeout_ms: 20_000 });
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('hangs'), expect.objectContaining({ product_id: 1 }));
    expect(() => process.kill(pids[0]!, 0)).toThrow();
  });

  it('are started again while the database is away', async () => {
    isDatabaseAway = true;
    writeFileSync(join(directory, 'end'), '');
    await waitFor(() => pids.length === 3, { timeout_ms: 20_000 });
    isDatabaseAway = false;
  });
});
