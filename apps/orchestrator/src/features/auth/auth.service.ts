import { hashToken } from '@cortex-mqtt/secrets';
import type { DataSource } from 'typeorm';
import { ForbiddenError, UnauthenticatedError, ValidationError } from '../../http/app-error';
import type { UserPrincipal } from '../../http/principal';
import { UserEntity } from '../../model/user.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { ChangePasswordDto } from './auth.dto';
import { endSessions, revokeApiTokens } from './credentials';
import type { LoginLimits } from './login-limits';
import { passwordFaults } from './password-rules';
import type { PasswordWork } from './password-work';
import type { Origin, SessionService } from './session.service';

export interface AuthServiceDeps {
  dataSource: DataSource;
  limits: LoginLimits;
  passwords: PasswordWork;
  sessions: SessionService;
  /** Whose password opens a session; null = everybody’s. */
  passwords_of: string | null;
}

/** People who sign in with a password of ours. */
export class AuthService {
  constructor(private readonly deps: AuthServiceDeps) {}

  /**
   * Opens a session; the result is its token, for the cookie. Unknown and disabled users take as long as a wrong password
   * and get the same answer.
   */
  async login(credentials: { email: string; password: string }, origin: Origin): Promise<string> {
    const { dataSource, limits, passwords, sessions, passwords_of } = this.deps;
    const email = credentials.email.trim().toLowerCase();
    const may_sign_in = passwords_of === null || email === passwords_of;
    await limits.begin(email, origin.ip);
    const user = await dataSource.getRepository(UserEntity).findOneBy({ email });
    const matches = await passwords.verify(credentials.password, may_sign_in ? (user?.password_hash ?? null) : null);
    if (user === null || !matches || user.disabled) {
      await this.recordRefusal(user, origin);
      throw new UnauthenticatedError('E-mail address or password is wrong.');
    }
    await limits.succeeded(email, origin.ip);
    const is_outdated = user.password_hash !== null && passwords.needsRehash(user.password_hash);
    const rehashed = is_outdated ? await passwords.hash(credentials.password) : null;
    return dataSource.transaction(async (manager) => {
      if (rehashed !== null) await manager.update(UserEntity, { id: user.id }, { password_hash: rehashed });
      return sessions.open(manager, user, origin);
    });
  }

  /** Ends every other session of the user, and the API tokens unless asked not to. */
  async changePassword(
    principal: UserPrincipal,
    change: ChangePasswordDto,
    options: { actor: Actor; ip: string; session_token: string | null },
  ): Promise<void> {
    const { dataSource, limits, passwords, passwords_of } = this.deps;
    if (passwords_of !== null && principal.email !== passwords_of) {
      throw new ForbiddenError('Your account has no password: everybody signs in with a provider here.');
    }
    const faults = passwordFaults('new_password', change.new_password, principal.email);
    if (faults.length > 0) throw new ValidationError(faults);
    await limits.begin(principal.email, options.ip);
    const user = await dataSource.getRepository(UserEntity).findOneByOrFail({ id: principal.id });
    if (!(await passwords.verify(change.current_password, user.password_hash))) {
      throw new ValidationError([{ field: 'current_password', message: 'is wrong' }]);
    }
    await limits.succeeded(principal.email, options.ip);
    const password_hash = await passwords.hash(change.new_password);
    await dataSource.transaction(async (manager) => {
      await manager.update(UserEntity, { id: user.id }, { password_hash });
      await endSessions(manager, user.id, options.session_token === null ? null : hashToken(options.session_token));
      const revoked = change.revoke_api_tokens === false ? 0 : await revokeApiTokens(manager, user.id);
      await recordAudit(manager, {
        actor: options.actor,
        action: 'user.change_password',
        entity_type: 'user',
        entity_id: user.id,
        product_id: null,
        after: { api_tokens_revoked: revoked },
      });
    });
  }

  async forgetExpired(): Promise<void> {
    await this.deps.sessions.forgetExpired();
    await this.deps.limits.forgetOld();
  }

  /** People type passwords into the field for the address: one that nobody has is not written down. */
  private async recordRefusal(user: UserEntity | null, { ip, request_id }: Origin): Promise<void> {
    await recordAudit(this.deps.dataSource.manager, {
      actor: { kind: 'user', id: null, name: user?.email ?? 'unknown account', ip, request_id },
      action: 'session.refuse',
      entity_type: 'session',
      entity_id: null,
      product_id: null,
    });
  }
}
