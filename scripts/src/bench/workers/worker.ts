import { type ChildProcess, fork } from 'node:child_process';

/** What a worker can be asked, each with one parameter. */
export type WorkerMethods = Record<string, (parameter: never) => unknown>;

type Question = { id: number; method: string; parameter: unknown };
type Answer = { id: number; value?: unknown; error?: string };

/** A process of its own beside the one that is measured, so that load and measurement never share a thread with it. */
export interface Worker<M extends WorkerMethods> {
  pid: number;
  call<K extends keyof M & string>(method: K, parameter: Parameters<M[K]>[0]): Promise<Awaited<ReturnType<M[K]>>>;
  stop(): Promise<void>;
}

/** Starts the compiled worker at `path`. It ends with this process, however that ends. */
export async function startWorker<M extends WorkerMethods>(path: string): Promise<Worker<M>> {
  const child: ChildProcess = fork(path, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const open = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let next = 0;
  child.on('message', ({ id, value, error }: Answer) => {
    const waiting = open.get(id);
    open.delete(id);
    if (error !== undefined) waiting?.reject(new Error(error));
    else waiting?.resolve(value as never);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', (code) => {
    for (const { reject } of open.values()) reject(new Error(`${path} ended with code ${code}`));
    open.clear();
  });
  return {
    pid: child.pid ?? 0,
    call: (method, parameter) =>
      new Promise((resolve, reject) => {
        next += 1;
        open.set(next, { resolve, reject });
        child.send({ id: next, method, parameter } satisfies Question);
      }),
    stop: async () => {
      child.kill();
      await exited;
    },
  };
}

/** The other side: answers questions until the parent is gone. */
export function serveWorker(methods: WorkerMethods): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', ({ id, method, parameter }: Question) => {
    const answer = (message: Answer) => process.send?.(message);
    Promise.resolve()
      .then(() => methods[method]?.(parameter as never))
      .then(
        (value) => answer({ id, value }),
        (error: unknown) => answer({ id, error: error instanceof Error ? (error.stack ?? error.message) : `${error}` }),
      );
  });
}

/** Milliseconds of the clock that all processes of this machine share. */
export const now_ms = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
