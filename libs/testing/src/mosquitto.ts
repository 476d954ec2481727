import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@cortex-mqtt/embedded';
import { findProgram } from './debian-program';
import { type SpawnedProcess, spawnProcess } from './managed-process';
import { createTestDirectory } from './test-run';

export interface MosquittoTls {
  /** Paths of PEM files. */
  cert: string;
  key: string;
  /** CA that client certificates are held against. */
  ca?: string;
  /** Refuse clients without a certificate of that CA. */
  requireCertificate?: boolean;
}

export interface MosquittoListener {
  /** Default: a free port. */
  port?: number;
  protocol?: 'mqtt' | 'websockets';
  tls?: MosquittoTls;
  /** Further lines of mosquitto.conf for this listener. */
  config?: string[];
}

export interface MosquittoOptions {
  /** Port of the first listener; default a free one. */
  port?: number;
  /** Default: one plain MQTT listener; `tls` and `websockets` add theirs. */
  listeners?: MosquittoListener[];
  /** Adds a TLS listener. */
  tls?: MosquittoTls;
  /** Adds a websockets listener. */
  websockets?: boolean;
  /** User → password; anonymous clients are refused then. */
  users?: Record<string, string>;
  /** Log a line for each packet. Default true; false for what is measured. */
  logPackets?: boolean;
  /** Lines of an ACL file (`user x`, `topic read a/#`). */
  acl?: string[];
  /** Keep sessions and queued messages over `restart()` and `kill()` + `start()`. */
  persistence?: boolean;
  /** Further global lines of mosquitto.conf, e.g. `max_inflight_messages 20`. */
  config?: string[];
}

export interface MosquittoAddress {
  port: number;
  /** mqtt://, mqtts://, ws:// or wss:// on 127.0.0.1 */
  url: string;
}

export interface Mosquitto {
  /** First listener. */
  port: number;
  url: string;
  /** All listeners, in the order of the options. */
  listeners: MosquittoAddress[];
  /** The listener made by `tls`. */
  tls?: MosquittoAddress;
  /** The listener made by `websockets`. */
  websockets?: MosquittoAddress;
  pid(): number;
  log(): string;
  /** Starts again after `stop()` or `kill()`, on the same ports and data. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** SIGSTOP: the sockets stay open and nothing answers. */
  suspend(): void;
  resume(): void;
  /** Replaces users and ACL and has the broker read them again (SIGHUP). */
  reload(change: { users?: Record<string, string>; acl?: string[] }): Promise<void>;
}

/**
 * Starts Debian's mosquitto on the loopback address, with a configuration and data of its own.
 *
 * @throws when it isn't installed (with the apt-get command) or ends during start (with its log).
 */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const program = findProgram('mosquitto', 'mosquitto');
  const dir = createTestDirectory('mosquitto');
  const wanted: MosquittoListener[] = [
    ...(options.listeners ?? [{ port: options.port }]),
    ...(options.tls ? [{ tls: options.tls }] : []),
    ...(options.websockets ? [{ protocol: 'websockets' as const }] : []),
  ];
  writeAccessFiles(dir, options);

  let process: SpawnedProcess | null = null;
  let earlierLog = '';
  let ports: number[] = [];
  for (let attempt = 1; ; attempt++) {
    ports = await Promise.all(wanted.map((listener) => listener.port ?? freePort()));
    writeFileSync(join(dir, 'mosquitto.conf'), configuration(dir, options, wanted, ports));
    try {
      process = await launch();
      break;
    } catch (error) {
      if (attempt === 5 || !/Address already in use/.test((error as Error).message)) {
        throw error;
      }
    }
  }

  async function launch(): Promise<SpawnedProcess> {
    const started = await spawnProcess({ command: program, args: ['-c', join(dir, 'mosquitto.conf')] });
    await started.waitForOutput(/mosquitto version \S+ running/);
    return started;
  }
  function current(): SpawnedProcess {
    if (!process) {
      throw new Error('mosquitto is not running');
    }
    return process;
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (process) {
      const ending = process;
      process = null;
      // A suspended process takes no SIGTERM.
      ending.signal('SIGCONT');
      await ending.stop({ signal });
      earlierLog += ending.output();
    }
  }
  const start = async () => {
    if (!process) {
      process = await launch();
    }
  };
  const addresses = wanted.map((listener, index) => address(listener, ports[index]!));
  const [first] = addresses;
  if (!first) {
    throw new Error('mosquitto needs at least one listener');
  }
  const count = options.listeners?.length ?? 1;
  return {
    ...first,
    listeners: addresses,
    tls: options.tls ? addresses[count] : undefined,
    websockets: options.websockets ? addresses[count + (options.tls ? 1 : 0)] : undefined,
    pid: () => current().pid,
    log: () => earlierLog + (process?.output() ?? ''),
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      await start();
    },
    suspend: () => current().signal('SIGSTOP'),
    resume: () => current().signal('SIGCONT'),
    reload: async (change) => {
      writeAccessFiles(dir, change);
      const before = current().output().length;
      current().signal('SIGHUP');
      await current().waitForOutput(new RegExp(`^[^]{${before},}Reloading config`));
    },
  };
}

function address(listener: MosquittoListener, port: number): MosquittoAddress {
  const secure = listener.tls !== undefined;
  const scheme = listener.protocol === 'websockets' ? (secure ? 'wss' : 'ws') : secure ? 'mqtts' : 'mqtt';
  return { port, url: `${scheme}://127.0.0.1:${port}` };
}

function writeAccessFiles(dir: string, access: { users?: Record<string, string>; acl?: string[] }): void {
  if (access.users) {
    const file = join(dir, 'passwords');
    writeFileSync(
      file,
      Object.entries(access.users)
        .map(([name, password]) => `${name}:${password}\n`)
        .join(''),
    );
    // Turns the plain passwords of the file into hashes, in place.
    execFileSync(findProgram('mosquitto_passwd', 'mosquitto'), ['-U', file]);
    chmodSync(file, 0o600);
  }
  if (access.acl) {
    writeFileSync(join(dir, 'acl'), `${access.acl.join('\n')}\n`, { mode: 0o600 });
  }
}

function configuration(
  dir: string,
  options: MosquittoOptions,
  listeners: MosquittoListener[],
  ports: number[],
): string {
  const lines = [
    'log_dest stderr',
    ...(options.logPackets === false
      ? ['log_type error', 'log_type warning', 'log_type notice', 'log_type information']
      : ['log_type all']),
    'connection_messages true',
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `allow_anonymous ${options.users ? 'false' : 'true'}`,
    ...(options.users ? [`password_file ${join(dir, 'passwords')}`] : []),
    ...(options.acl ? [`acl_file ${join(dir, 'acl')}`] : []),
    ...(options.persistence
      ? ['persistence true', `persistence_location ${dir}/`, 'autosave_on_changes true', 'autosave_interval 1']
      : ['persistence false']),
    ...(options.config ?? []),
  ];
  listeners.forEach((listener, index) => {
    lines.push(`listener ${ports[index]} 127.0.0.1`, `protocol ${listener.protocol ?? 'mqtt'}`);
    if (listener.tls) {
      lines.push(`certfile ${listener.tls.cert}`, `keyfile ${listener.tls.key}`);
      if (listener.tls.ca) {
        lines.push(`cafile ${listener.tls.ca}`);
      }
      lines.push(`require_certificate ${listener.tls.requireCertificate ? 'true' : 'false'}`);
    }
    lines.push(...(listener.config ?? []));
  });
  return `${lines.join('\n')}\n`;
}
