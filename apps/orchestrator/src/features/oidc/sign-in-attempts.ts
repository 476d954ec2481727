import { createHmac } from 'node:crypto';
import { generateToken, hashToken } from '@cortex-mqtt/secrets';
import type { DataSource } from 'typeorm';
import { SignInAttemptEntity } from './sign-in-attempt.entity';
import { SignInRefusal } from './sign-in-refusal';

const VALID_FOR_MS = 10 * 60_000;

/** What a provider's answer is checked against. */
export interface Checks {
  state: string;
  nonce: string;
  code_verifier: string;
}

/**
 * Sign-ins that are under way at a provider: each is good for one answer, to the browser that began it. Nonce and code verifier
 * are derived from the state, so that the database holds nothing with which an answer could be used.
 */
export class SignInAttempts {
  constructor(private readonly deps: { dataSource: DataSource; key: Buffer }) {}

  async begin(about: { provider: string; browser: string; return_to: string }): Promise<Checks> {
    const { token: state, hash } = generateToken('state');
    const { manager } = this.deps.dataSource;
    await manager.insert(SignInAttemptEntity, {
      state_hash: hash,
      provider: about.provider,
      browser_hash: hashToken(about.browser),
      return_to: about.return_to,
      expires_at: new Date(Date.now() + VALID_FOR_MS),
    });
    return this.checksOf(state);
  }

  /** Ends the attempt that an answer belongs to. @throws SignInRefusal for one that is unknown, used, over or another browser's. */
  async take(answer: { provider: string; state: string; browser: string }): Promise<Checks & { return_to: string }> {
    const [[row]] = await this.deps.dataSource.query<[{ return_to: string }[], number]>(
      `DELETE FROM sign_in_attempts
       WHERE state_hash = $1 AND provider = $2 AND browser_hash = $3 AND expires_at > now() RETURNING return_to`,
      [hashToken(answer.state), answer.provider, hashToken(answer.browser)],
    );
    if (row === undefined) throw new SignInRefusal('expired', 'no sign-in of this browser waits for this answer');
    return { ...this.checksOf(answer.state), return_to: row.return_to };
  }

  private checksOf(state: string): Checks {
    const derive = (purpose: string) => createHmac('sha256', this.deps.key).update(`${purpose}\0${state}`);
    return {
      state,
      nonce: derive('nonce').digest('base64url'),
      // 43 characters, the least that RFC 7636, 4.1 takes.
      code_verifier: derive('code verifier').digest('base64url'),
    };
  }
}
