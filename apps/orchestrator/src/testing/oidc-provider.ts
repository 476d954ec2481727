import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface TestAccount {
  email?: string;
  email_verified?: boolean;
  name?: string;
  groups?: string[];
}

export interface RealProvider {
  issuer: string;
  /** The people it knows, by the value of the cookie `account` with which they sign in. */
  setAccounts(accounts: Record<string, TestAccount>): Promise<void>;
  /** Signs with another key from now on. */
  rotateKeys(): Promise<void>;
  stop(): Promise<void>;
}

/** `oidc-provider` in a process of its own. */
export async function startOidcProvider(urls: { redirect: string; logout: string }): Promise<RealProvider> {
  const child = fork(join(__dirname, 'oidc-provider-process.mjs'), [urls.redirect, urls.logout], {
    execArgv: [],
    stdio: ['ignore', 'ignore', process.env.TEST_LOG === undefined ? 'ignore' : 'inherit', 'ipc'],
  });
  const { issuer } = await answerOf(child);
  const tell = async (message: object): Promise<void> => {
    child.send(message);
    await answerOf(child);
  };
  return {
    issuer: String(issuer),
    setAccounts: (accounts) => tell({ accounts }),
    rotateKeys: () => tell({ rotate: true }),
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

async function answerOf(child: ChildProcess): Promise<Record<string, unknown>> {
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the provider ended with ${code}`);
  });
  const [answer] = await Promise.race([once(child, 'message'), failed]);
  return answer as Record<string, unknown>;
}
