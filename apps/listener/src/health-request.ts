const HEALTH_LIMIT_MS = 3_000;

/** For containers without curl: asks this machine's listener by `HEALTH_HOST` and `HEALTH_PORT`. Resolves to the exit code. */
export async function checkHealth(
  env: NodeJS.ProcessEnv,
  { out, err }: { out(text: string): void; err(text: string): void },
): Promise<number> {
  const host = !env.HEALTH_HOST || env.HEALTH_HOST === '0.0.0.0' ? '127.0.0.1' : env.HEALTH_HOST;
  const url = `http://${host}:${env.HEALTH_PORT || '8005'}/healthz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HEALTH_LIMIT_MS) });
    (response.ok ? out : err)(await response.text());
    return response.ok ? 0 : 1;
  } catch (error) {
    err(`${url} does not answer: ${(error as Error).message}`);
    return 1;
  }
}
