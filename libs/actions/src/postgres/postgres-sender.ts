import { createHash } from 'node:crypto';
import { Socket } from 'node:net';
import { EgressRefusedError } from '@cortex-mqtt/egress';
import type { Client, ClientBase, Pool, PoolConfig } from 'pg';
import { postgres } from '../on-demand';
import { ActionFault } from '../action-fault';
import { startDeadline } from '../deadline';
import { Places } from '../places';
import type { TlsIdentity } from '../tls-identity';
import type { EgressGuard } from '../webhook/http/open-socket';
import type { PostgresTarget } from './connection-url';
import { isPermanentSqlState } from './sqlstate';

export interface StatementRequest {
  target: PostgresTarget;
  tls: TlsIdentity | null;
  statement: string;
  parameters: unknown[];
  timeout_ms: number;
}

/** Runs single statements, over a pool for each connection URL. */
export interface PostgresSender {
  /** Throws ActionFault. */
  run(request: StatementRequest, options: { signal?: AbortSignal }): Promise<{ row_count: number }>;
  /** Statements that wait since all our connections to their database are in use. */
  readonly waiting: number;
  close(): Promise<void>;
}

export interface PostgresSenderDeps {
  egress: EgressGuard;
  /** Connections to one database. */
  connections?: number;
}

/** Databases with a pool; beyond that the one unused for longest is closed. */
const MAX_POOLS = 50;
/** Milliseconds to connect and sign in, within the statement's own time. */
const CONNECT_LIMIT_MS = 10_000;
/** The server ends a statement at its limit; one that doesn't even do that is given up this much later. */
const GRACE_MS = 1_000;

export function createPostgresSender({ egress, connections = 4 }: PostgresSenderDeps): PostgresSender {
  const pools = new Map<string, DatabasePool>();

  function poolFor(request: StatementRequest): DatabasePool {
    const { target, tls, timeout_ms } = request;
    const key = createHash('sha256')
      .update(JSON.stringify([timeout_ms, target, tls]))
      .digest('base64url');
    const known = pools.get(key);
    if (known) {
      pools.delete(key);
      pools.set(key, known);
      return known;
    }
    const pool = new (postgres().Pool)({
      ...poolConfig(request, { egress, connections }),
      Client: patientClient(Math.min(timeout_ms, CONNECT_LIMIT_MS)),
    });
    // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
    pool.on('error', () => {});
    // One that breaks under a statement fails the statement, and tells its own listeners as well.
    pool.on('connect', (client) => client.on('error', () => {}));
    const made = { pool, places: new Places(connections) };
    pools.set(key, made);
    if (pools.size > MAX_POOLS) {
      const [oldestKey, oldest] = pools.entries().next().value ?? [];
      if (oldestKey !== undefined && oldest) {
        pools.delete(oldestKey);
        endQuietly(oldest.pool);
      }
    }
    return made;
  }

  /** Waiting for a connection of ours costs the attempt nothing. With a place there is one, or room to make one. */
  async function inPlace<T>(
    request: StatementRequest,
    signal: AbortSignal | undefined,
    work: (pool: Pool) => Promise<T>,
  ): Promise<T> {
    const { pool, places } = poolFor(request);
    if (!(await places.take(signal))) throw aborted();
    try {
      return await work(pool);
    } finally {
      places.give();
    }
  }

  async function runOn(pool: Pool, request: StatementRequest, signal: AbortSignal | undefined) {
    const client = await pool.connect().catch((error: unknown) => {
      throw postgresFault(error);
    });
    let released = false;
    let overdue: ActionFault | null = null;
    const release = (error?: Error) => {
      if (released) return;
      released = true;
      signal?.removeEventListener('abort', onAbort);
      cancel();
      client.release(error);
    };
    const breakOff = () => {
      // `end()` would wait until the server has finished the statement.
      streamOf(client).destroy();
      release(new Error('stopped'));
    };
    const onAbort = () => breakOff();
    const cancel = startDeadline(request.timeout_ms + GRACE_MS, () => {
      overdue = new ActionFault(`no answer of the database within ${request.timeout_ms} ms`, {
        permanent: false,
        detail: { code: 'TIMEOUT' },
      });
      breakOff();
    });
    if (signal?.aborted) {
      breakOff();
      throw aborted();
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await client.query(request.statement, request.parameters);
      release();
      return { row_count: result.rowCount ?? 0 };
    } catch (error) {
      // What the server itself has answered leaves the connection usable.
      release(
        error instanceof postgres().DatabaseError
          ? undefined
          : error instanceof Error
            ? error
            : new Error(String(error)),
      );
      throw overdue ?? (signal?.aborted ? aborted() : postgresFault(error));
    }
  }

  return {
    run: (request, { signal }) => inPlace(request, signal, (pool) => runOn(pool, request, signal)),
    get waiting() {
      let waiting = 0;
      for (const { places } of pools.values()) waiting += places.waiting_count;
      return waiting;
    },
    close: async () => {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map(({ pool }) => pool.end()));
    },
  };
}

const streamOf = (client: ClientBase): Socket =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream;

type OnConnect = Parameters<Client['connect']>[0];

/** pg's client, whose own time limits count our stalls as the database's. */
function patientClient(connect_limit_ms: number): typeof Client {
  return class PatientClient extends postgres().Client {
    override connect(): Promise<Client>;
    override connect(callback: OnConnect): void;
    override connect(callback?: OnConnect): Promise<Client> | undefined {
      const cancel = startDeadline(connect_limit_ms, () =>
        streamOf(this).destroy(new Error(`no connection within ${connect_limit_ms} ms`)),
      );
      if (callback === undefined) return super.connect().finally(cancel);
      super.connect((error: Error) => {
        cancel();
        (callback as (error: Error) => void)(error);
      });
      return undefined;
    }
  };
}

/** Connections to one database, and the places on them. */
interface DatabasePool {
  pool: Pool;
  places: Places;
}

function poolConfig(
  { target, tls, timeout_ms }: StatementRequest,
  { egress, connections }: { egress: EgressGuard; connections: number },
): PoolConfig {
  return {
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    database: target.database,
    ssl: sslOf(target, tls),
    max: connections,
    application_name: target.application_name ?? 'cortex-mqtt',
    ...(target.options === null ? {} : { options: target.options }),
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    statement_timeout: timeout_ms,
    keepAlive: true,
    stream: () => guardedSocket(egress),
  };
}

/** TLS material asks for TLS, whatever the URL says of it. */
function sslOf({ tls: mode }: PostgresTarget, tls: TlsIdentity | null): PoolConfig['ssl'] {
  if (mode === 'off' && tls === null) return false;
  return {
    rejectUnauthorized: mode !== 'unverified',
    ...(mode === 'authority' ? { checkServerIdentity: () => undefined } : {}),
    ...(tls?.ca ? { ca: tls.ca } : {}),
    ...(tls?.cert ? { cert: tls.cert } : {}),
    ...(tls?.key ? { key: tls.key } : {}),
    ...(tls?.passphrase ? { passphrase: tls.passphrase } : {}),
  };
}

/** pg connects its socket itself; the host is looked up, and refused, on the way. */
function guardedSocket(egress: EgressGuard): Socket {
  const socket = new Socket();
  const connect = (port: number, host: string) => {
    try {
      egress.checkLiteral(host);
      Reflect.apply(Socket.prototype.connect, socket, [{ port: Number(port), host, lookup: egress.lookup }]);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    return socket;
  };
  // A path, as of a Unix socket, never gets here: its URL is refused.
  socket.connect = connect as Socket['connect'];
  return socket;
}

function endQuietly(pool: Pool): void {
  pool.end().catch(() => {
    // It is out of use; its connections end with their idle time at the latest.
  });
}

function aborted(): ActionFault {
  return new ActionFault('the attempt was stopped', { permanent: false, detail: { code: 'ABORTED' } });
}

function postgresFault(error: unknown): ActionFault {
  if (!(error instanceof Error))
    return new ActionFault(String(error), { permanent: false, detail: { code: 'FAILED' } });
  if (error instanceof postgres().DatabaseError) {
    const status = error.code ?? 'XX000';
    return new ActionFault(`the database answered ${status}: ${error.message}`, {
      permanent: isPermanentSqlState(status),
      detail: { code: 'SQLSTATE', status, ...(error.constraint ? { constraint: error.constraint } : {}) },
    });
  }
  if (error instanceof EgressRefusedError) {
    return new ActionFault(`${error.message}. ${error.advice}`, {
      permanent: true,
      detail: { code: 'EGRESS_REFUSED' },
    });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'CONNECTION';
  return new ActionFault(`the database was not reached: ${error.message}`, { permanent: false, detail: { code } });
}
