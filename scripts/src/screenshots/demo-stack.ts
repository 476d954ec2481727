import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createRestClient, type RestClient } from '../up/rest-client';

/** What `./scripts/up` started, on a data folder that is thrown away afterwards. */
export interface DemoStack {
  console_url: string;
  broker_url: string;
  admin: { email: string; password: string };
  rest: RestClient;
  stop(): Promise<void>;
}

export async function startDemoStack(root: string): Promise<DemoStack> {
  const data_dir = mkdtempSync(join(tmpdir(), 'cortex-screenshots-'));
  // Postgres runs as a user of its own when this is root.
  chmodSync(data_dir, 0o755);
  const { PORT: _port, DATABASE_URL: _database, QUEUE_URL: _queue, ...env } = process.env;
  const up = spawn(process.execPath, [join(root, 'scripts', 'dist', 'up.js'), '--json'], {
    env: { ...env, DATA_DIR: data_dir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(up, 'exit');
  const stop = async (): Promise<void> => {
    up.kill('SIGTERM');
    await ended;
    rmSync(data_dir, { recursive: true, force: true });
  };
  const line = await Promise.race([once(createInterface(up.stdout), 'line'), ended.then(() => null)]);
  if (line === null) {
    rmSync(data_dir, { recursive: true, force: true });
    throw new Error('./scripts/up ended before it was ready');
  }
  const told = JSON.parse(String(line[0])) as Record<string, string>;
  return {
    console_url: told.console_url ?? '',
    broker_url: told.broker_url ?? '',
    admin: { email: told.admin_email ?? '', password: told.admin_password ?? '' },
    rest: createRestClient(told.orchestrator_url ?? '', { authorization: `Bearer ${told.api_token}` }),
    stop,
  };
}
