import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from '@cortex-mqtt/observability';
import type { ListenerMember, ListenerRuntime, WantedListener } from './listener-runtime';
import { watchSignsOfLife } from './signs-of-life';

/** Pause before a listener that ended is started again, milliseconds: doubles up to the cap, back to the first after a quiet minute. */
const RESTART_MS = { first: 500, cap: 30_000, quiet: 60_000 };
/** Milliseconds a listener may take to finish what is in flight before it is ended by force. */
const STOP_LIMIT_MS = 15_000;
const RECONCILE_EVERY_MS = 15_000;

interface Child {
  process: ChildProcess;
  started_at: number;
  /** Set when the end is ours. */
  stopping: boolean;
  /** A new token is being made for it. */
  renewing: boolean;
}

export interface ProcessRuntimeDeps {
  /** Products that should have a listener now. */
  wanted(): Promise<WantedListener[]>;
  /** The environment of a product's listener, its token included. */
  environment(member: ListenerMember): Promise<Record<string, string>>;
  /** Path of the listener's compiled entry. */
  entry: string;
  logger: Logger;
  /** For tests: milliseconds of silence after which a listener counts as hanging. */
  hang_limit_ms?: number;
}

/**
 * Runs one listener process per enabled product, starts it again when it ends, and stops it when its product is disabled
 * or deleted. The child ends by itself when its parent dies: the IPC channel closes.
 */
export class ProcessListenerRuntime implements ListenerRuntime {
  private readonly children = new Map<number, Child>();
  private readonly restarts = new Map<number, { delay_ms: number; timer: NodeJS.Timeout | null }>();
  /** With what each was started last. */
  private readonly known = new Map<number, { listener: WantedListener; env: Record<string, string> }>();
  private interval: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;

  constructor(private readonly deps: ProcessRuntimeDeps) {}

  async start(): Promise<void> {
    this.interval = setInterval(() => this.reconcile(), RECONCILE_EVERY_MS);
    this.reconcile();
    await this.running;
  }

  reconcile(): void {
    if (this.stopped) return;
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = this.reconcileOnce()
      .catch((error: unknown) => this.deps.logger.warn('listeners could not be reconciled; retrying', { error }))
      .finally(() => {
        this.running = null;
        if (this.again) {
          this.again = false;
          this.reconcile();
        }
      });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.interval) clearInterval(this.interval);
    for (const { timer } of this.restarts.values()) if (timer) clearTimeout(timer);
    await this.running;
    await Promise.all([...this.children].map(([product_id, child]) => this.end(product_id, child)));
  }

  private async reconcileOnce(): Promise<void> {
    let wanted: WantedListener[];
    try {
      wanted = await this.deps.wanted();
    } catch (error) {
      // While the database is away nothing is known but what was: a listener that has ended is needed all the same.
      await this.restartKnown();
      throw error;
    }
    const ids = new Set(wanted.map((listener) => listener.product_id));
    for (const product_id of this.known.keys()) if (!ids.has(product_id)) this.known.delete(product_id);
    for (const [product_id, restart] of this.restarts) {
      if (ids.has(product_id)) continue;
      if (restart.timer) clearTimeout(restart.timer);
      this.restarts.delete(product_id);
    }
    await Promise.all(
      [...this.children]
        .filter(([product_id]) => !ids.has(product_id))
        .map(([product_id, child]) => this.end(product_id, child)),
    );
    for (const listener of wanted) {
      if (this.stopped) return;
      if (this.children.has(listener.product_id) || this.restarts.get(listener.product_id)?.timer) continue;
      await this.spawn(listener);
    }
  }

  private async restartKnown(): Promise<void> {
    for (const { listener, env } of [...this.known.values()]) {
      const { product_id } = listener;
      if (this.stopped) return;
      if (this.children.has(product_id) || this.restarts.get(product_id)?.timer) continue;
      await this.spawn(listener, env);
    }
  }

  private async spawn(listener: WantedListener, last_env?: Record<string, string>): Promise<void> {
    const { product_id, slug } = listener;
    const env = last_env ?? (await this.deps.environment({ ...listener, ordinal: 1 }));
    this.known.set(product_id, { listener, env });
    const child = spawn(process.execPath, ['--enable-source-maps', this.deps.entry], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const entry: Child = { process: child, started_at: Date.now(), stopping: false, renewing: false };
    this.children.set(product_id, entry);
    this.deps.logger.info('listener started', { product_id, slug, pid: child.pid });
    child.once('error', (error) => this.deps.logger.error('listener could not be started', { product_id, error }));
    watchSignsOfLife(child, {
      limit_ms: this.deps.hang_limit_ms,
      onHang: (silent_for_ms) => {
        this.deps.logger.warn('listener hangs; ending it by force and starting it again', {
          product_id,
          silent_for_ms,
        });
        child.kill('SIGKILL');
      },
    });
    child.on('message', (message) => {
      if (isTokenUnknown(message)) void this.renew(listener, entry);
    });
    child.once('exit', (code, signal) => this.exited(product_id, entry, { code, signal }));
  }

  /**
   * Its token is not in the database any more, as after a restore: a fresh one is made before it is stopped, so that it
   * continues with what it knows while there is none. It asks again as long as it is refused.
   */
  private async renew(listener: WantedListener, child: Child): Promise<void> {
    const { product_id } = listener;
    if (child.renewing || child.stopping || this.stopped) return;
    child.renewing = true;
    try {
      const wanted = await this.deps.wanted();
      if (!wanted.some((one) => one.product_id === product_id)) return;
      const env = await this.deps.environment({ ...listener, ordinal: 1 });
      if (this.stopped || this.children.get(product_id) !== child) return;
      this.deps.logger.warn('the token of a listener is not known any more; starting it again with a new one', {
        product_id,
      });
      await this.end(product_id, child);
      if (!this.stopped && !this.children.has(product_id)) await this.spawn(listener, env);
    } catch (error) {
      this.deps.logger.warn('a listener could not be given a new token; it asks again', { product_id, error });
    } finally {
      child.renewing = false;
    }
  }

  private exited(product_id: number, child: Child, exit: { code: number | null; signal: string | null }): void {
    if (this.children.get(product_id) === child) this.children.delete(product_id);
    if (child.stopping || this.stopped) return;
    const quiet = Date.now() - child.started_at > RESTART_MS.quiet;
    const previous = quiet ? null : (this.restarts.get(product_id)?.delay_ms ?? null);
    const delay_ms = previous === null ? RESTART_MS.first : Math.min(previous * 2, RESTART_MS.cap);
    this.deps.logger.warn('listener ended; starting it again', { product_id, ...exit, delay_ms });
    const timer = setTimeout(() => {
      this.restarts.set(product_id, { delay_ms, timer: null });
      this.reconcile();
    }, delay_ms);
    this.restarts.set(product_id, { delay_ms, timer });
  }

  private async end(product_id: number, child: Child): Promise<void> {
    child.stopping = true;
    const { process: running } = child;
    if (running.exitCode !== null || running.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => {
        this.deps.logger.warn('listener did not stop in time; killing it', { product_id, pid: running.pid });
        running.kill('SIGKILL');
      }, STOP_LIMIT_MS);
      running.once('exit', () => {
        clearTimeout(force);
        resolve();
      });
      running.kill('SIGTERM');
    });
    this.children.delete(product_id);
  }
}

const isTokenUnknown = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'token-unknown';
