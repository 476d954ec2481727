import { withTimeLimit } from '@cortex-mqtt/contracts';

export interface HealthCheck {
  name: string;
  /** Resolves when the dependency answers, rejects with the reason when not. */
  check(): Promise<void>;
  /** Without it the process still does most of its work: `degraded`, which is ready. */
  optional?: true;
  /** Milliseconds until no answer counts as failing. 2 s by default. */
  timeout_ms?: number;
}

export interface CheckResult {
  name: string;
  status: 'ok' | 'failing';
  error?: string;
  duration_ms: number;
}

export interface Readiness {
  /** `degraded`: only what is optional fails. */
  status: 'ok' | 'degraded' | 'failing';
  checks: CheckResult[];
}

/** Whether the process lives, and whether what it needs answers. */
export interface Health {
  register(check: HealthCheck): void;
  /** Needs no dependency: a process that can answer lives, and restarting it would not fix a database. */
  live(): { status: 'ok' };
  /** Asks every dependency at once. Never rejects. */
  ready(): Promise<Readiness>;
}

const DEFAULT_TIMEOUT_MS = 2_000;

/** `redactText` is applied to the errors, which may contain connection URLs. */
export function createHealth(options: { redactText?: (text: string) => string } = {}): Health {
  const { redactText = (text) => text } = options;
  const checks: { check: HealthCheck; running: Promise<void> | null }[] = [];

  /** A dependency that hangs is asked once at a time, so that probes every second pile nothing up. */
  function ask(entry: (typeof checks)[number]): Promise<void> {
    entry.running ??= (async () => entry.check.check())().finally(() => {
      entry.running = null;
    });
    return entry.running;
  }

  async function result(entry: (typeof checks)[number]): Promise<CheckResult> {
    const started = performance.now();
    const { name, timeout_ms = DEFAULT_TIMEOUT_MS } = entry.check;
    const duration_ms = () => Math.round(performance.now() - started);
    const atLimit = () => {
      throw new Error(`no answer within ${timeout_ms} ms`);
    };
    try {
      await withTimeLimit(ask(entry), { limit_ms: timeout_ms, atLimit });
      return { name, status: 'ok', duration_ms: duration_ms() };
    } catch (error) {
      const reason = error instanceof Error ? error.message || error.name : String(error);
      return { name, status: 'failing', error: redactText(reason), duration_ms: duration_ms() };
    }
  }

  return {
    register: (check) => {
      checks.push({ check, running: null });
    },
    live: () => ({ status: 'ok' }),
    async ready() {
      const results = await Promise.all(checks.map(result));
      const failing = checks.filter((_entry, index) => results[index]?.status === 'failing');
      const worst = failing.every(({ check }) => check.optional) ? 'degraded' : 'failing';
      return { status: failing.length === 0 ? 'ok' : worst, checks: results };
    },
  };
}
