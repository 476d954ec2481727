import { parseArgs } from 'node:util';
import { type CommandContext, UsageError } from './command';

const LIMIT_MS = 5_000;

/** For containers without curl: asks this machine's orchestrator by `HOST` and `PORT`, or the URL given. */
export async function checkHealth({ args, env, out, err }: CommandContext): Promise<number> {
  const { values } = parseArgs({ args, options: { live: { type: 'boolean' }, url: { type: 'string' } } });
  const base = values.url ?? ownUrl(env);
  if (!URL.canParse(base)) throw new UsageError('--url must be a URL such as http://127.0.0.1:8004');
  const url = new URL(values.live ? '/livez' : '/readyz', base);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS), redirect: 'error' });
    const body = await response.text();
    (response.ok ? out : err)(body);
    return response.ok ? 0 : 1;
  } catch (error) {
    const cause = (error as { cause?: { message?: string } }).cause?.message ?? (error as Error).message;
    err(`${url.href} does not answer: ${cause}`);
    return 1;
  }
}

function ownUrl(env: NodeJS.ProcessEnv): string {
  const host = env.HOST || '127.0.0.1';
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${env.PORT || '8004'}`;
}
