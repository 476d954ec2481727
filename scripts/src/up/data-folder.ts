import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Generated once, kept for all later starts on the same data. */
export interface GeneratedSecrets {
  encryption_key: string;
  admin_email: string;
  admin_password: string;
  broker_username: string;
  broker_password: string;
  /** Made over REST once the orchestrator runs. */
  api_token?: string;
}

/** Where the parts of last time listened: subscriptions and broker configurations in the database name these ports. */
export interface RememberedPorts {
  broker?: number;
  demo_receiver?: number;
}

/** The files of one installation. */
export interface DataFolder {
  path: string;
  postgres: string;
  logs: string;
  /** Says who runs on this data; see run-record. */
  runFile: string;
  secrets(): GeneratedSecrets;
  saveSecrets(change: Partial<GeneratedSecrets>): void;
  ports(): RememberedPorts;
  savePorts(change: RememberedPorts): void;
}

/** Opens the folder, makes it and the secrets when they are not there. Others get into it only as far as Postgres must. */
export function openDataFolder(path: string): DataFolder {
  // As root Postgres runs as another user, which must pass this folder but not list it.
  mkdirSync(path, { recursive: true, mode: 0o711 });
  const logs = join(path, 'logs');
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const secretsFile = join(path, 'secrets.json');
  const portsFile = join(path, 'ports.json');
  const secrets = () => read<GeneratedSecrets>(secretsFile) ?? generateSecrets();
  const ports = () => read<RememberedPorts>(portsFile) ?? {};
  if (!existsSync(secretsFile)) {
    writePrivate(secretsFile, generateSecrets());
  }
  return {
    path,
    postgres: join(path, 'postgres'),
    logs,
    runFile: join(path, 'run.json'),
    secrets,
    saveSecrets: (change) => writePrivate(secretsFile, { ...secrets(), ...change }),
    ports,
    savePorts: (change) => writePrivate(portsFile, { ...ports(), ...change }),
  };
}

function generateSecrets(): GeneratedSecrets {
  return {
    encryption_key: randomBytes(32).toString('base64'),
    admin_email: 'admin@localhost.localdomain',
    admin_password: randomBytes(15).toString('base64url'),
    broker_username: 'demo',
    broker_password: randomBytes(15).toString('base64url'),
  };
}

function read<T>(file: string): T | null {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : null;
}

/** Whole or not at all: half a secrets file would lock everybody out of the data. */
function writePrivate(file: string, value: object): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
