import { duration } from '../../components/relative-time';

export interface Health {
  ok: boolean;
  version: string | null;
  parts: { name: string; ok: boolean; detail: string }[];
}

interface Readiness {
  status: string;
  checks: { name: string; status: string; error?: string; duration_ms: number }[];
}

/** Asks the server how it is. A 503 is an answer too: it names what fails. */
export async function readHealth(signal: AbortSignal): Promise<Health> {
  const [ready, alive] = await Promise.all([fetch('/readyz', { signal }), fetch('/healthz', { signal })]);
  const readiness = (await ready.json()) as Readiness;
  const { version, git_commit } = (await alive.json()) as { version?: string; git_commit?: string };
  return healthOf(readiness, { version, git_commit });
}

export function healthOf(readiness: Readiness, build: { version?: string; git_commit?: string }): Health {
  return {
    ok: readiness.status === 'ok',
    version: [build.version, build.git_commit?.slice(0, 8)].filter(Boolean).join(' · ') || null,
    parts: readiness.checks.map((check) => ({
      name: check.name,
      ok: check.status === 'ok',
      detail: check.error ?? duration(check.duration_ms),
    })),
  };
}
