import { freePort } from '@cortex-mqtt/embedded';
import { findProgram } from './debian-program';
import { type SpawnedProcess, spawnProcess } from './managed-process';
import { createTestDirectory } from './test-run';

export interface RedisOptions {
  port?: number;
  /** Append-only file, written at every command; without it nothing survives a kill. Default true, as queues need it. */
  appendonly?: boolean;
  password?: string;
  /** Further arguments of redis-server, e.g. `['--maxmemory', '10mb']`. */
  config?: string[];
}

export interface Redis {
  port: number;
  /** redis:// on 127.0.0.1, with the password if there is one. */
  url: string;
  pid(): number;
  log(): string;
  /** Starts again after `stop()` or `kill()`, on the same port and data. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** SIGSTOP: the sockets stay open and nothing answers. */
  suspend(): void;
  resume(): void;
}

/**
 * Starts Debian's redis-server on the loopback address, with data of its own.
 *
 * @throws when it isn't installed (with the apt-get command) or ends during start (with its log).
 */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const program = findProgram('redis-server', 'redis-server');
  const dir = createTestDirectory('redis');
  let process: SpawnedProcess | null = null;
  let earlierLog = '';
  let port = 0;
  for (let attempt = 1; ; attempt++) {
    port = options.port ?? (await freePort());
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
    const started = await spawnProcess({
      command: program,
      args: [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no', '--save', ''],
        ...['--appendonly', options.appendonly === false ? 'no' : 'yes', '--appendfsync', 'always'],
        // A title of its own would overwrite the environment by which the caretaker knows what it may end.
        ...['--maxmemory-policy', 'noeviction', '--set-proc-title', 'no'],
        ...(options.password ? ['--requirepass', options.password] : []),
        ...(options.config ?? []),
      ],
    });
    await started.waitForOutput(/Ready to accept connections/);
    return started;
  }
  function current(): SpawnedProcess {
    if (!process) {
      throw new Error('redis-server is not running');
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
  return {
    port,
    url: `redis://${options.password ? `:${encodeURIComponent(options.password)}@` : ''}127.0.0.1:${port}`,
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
  };
}
