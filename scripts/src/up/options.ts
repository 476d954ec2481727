import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What the person who starts it asked for, from arguments and environment. */
export interface UpOptions {
  detach: boolean;
  demo: boolean;
  json: boolean;
  /** Given explicitly: must be free. Absent: 8004 or the next free one. */
  port?: number;
  /** Absolute. */
  dataDir: string;
  databaseUrl?: string;
  queueUrl?: string;
}

/** The command was used wrongly: exit code 2, no stack. */
export class UsageError extends Error {}

/** @throws UsageError that names the argument or variable. */
export function readUpOptions(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  places: { root: string; cwd: string },
): UpOptions {
  const { detach, demo, json } = parseUpArguments(args);
  return {
    detach,
    demo,
    json,
    port: readPort(env.PORT),
    dataDir: readDataDir(env, places),
    databaseUrl: readUrl('DATABASE_URL', env.DATABASE_URL, ['postgres:', 'postgresql:']),
    queueUrl: readUrl('QUEUE_URL', env.QUEUE_URL, ['redis:', 'rediss:', 'postgres:', 'postgresql:']),
  };
}

/** DATA_DIR as typed is relative to where it was typed; the default is in the clone. */
export function readDataDir(env: NodeJS.ProcessEnv, places: { root: string; cwd: string }): string {
  return env.DATA_DIR ? resolve(places.cwd, env.DATA_DIR) : resolve(places.root, '.data');
}

function parseUpArguments(args: readonly string[]): { detach: boolean; demo: boolean; json: boolean } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        detach: { type: 'boolean', default: false },
        'no-demo': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    return { detach: values.detach, demo: !values['no-demo'], json: values.json };
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('.')[0]} (see ./scripts/up --help)`);
  }
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined || text === '') {
    return undefined;
  }
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new UsageError(`PORT must be a number from 1 to 65535`);
  }
  return port;
}

function readUrl(name: string, text: string | undefined, schemes: string[]): string | undefined {
  if (text === undefined || text === '') {
    return undefined;
  }
  // The value may hold a password: it is never repeated.
  if (!URL.canParse(text) || !schemes.includes(new URL(text).protocol)) {
    throw new UsageError(`${name} must be a URL that begins with ${schemes.map((s) => `${s}//`).join(' or ')}`);
  }
  return text;
}
