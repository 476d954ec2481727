import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { waitFor } from '@cortex-mqtt/testing';
import { startKeptPostgres } from './kept-postgres';

it('starts Postgres again under the same address when it was killed', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'kept-postgres-'));
  chmodSync(dataDir, 0o755);
  const said: string[] = [];
  const postgres = await startKeptPostgres({
    dataDir,
    onCrash: (text) => said.push(text),
    onGivenUp: (text) => said.push(text),
  });
  const ask = async (): Promise<string> => {
    const client = new Client({ connectionString: postgres.url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query("SELECT current_setting('data_directory') AS directory")).rows[0].directory as string;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  try {
    const cluster = await ask();
    const pid = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    await waitFor(() => said.length > 0, { timeout_ms: 20_000 });
    await waitFor(async () => (await ask()) === cluster, { timeout_ms: 40_000 });
    expect(said[0]).toContain('starting it again');
  } finally {
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
