import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandFault } from './command';

export interface Credentials {
  url: string;
  token: string;
}

/** Of the person, and nobody else may read it. */
export function credentialsFile(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'cortex-mqtt', 'credentials.json');
}

export function readCredentials(env: NodeJS.ProcessEnv): Credentials | null {
  const file = credentialsFile(env);
  try {
    const { url, token } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Credentials>;
    if (typeof url !== 'string' || typeof token !== 'string') throw new SyntaxError('url or token is missing');
    return { url, token };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new CommandFault(`${file} cannot be used (${(error as Error).message}); run cortex login again`);
  }
}

export function writeCredentials(env: NodeJS.ProcessEnv, credentials: Credentials): string {
  const file = credentialsFile(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  // The mode of a file that was there already stays.
  chmodSync(file, 0o600);
  return file;
}
