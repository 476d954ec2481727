import { generateToken, hashToken } from '@cortex-mqtt/secrets';
import { type DataSource, Not } from 'typeorm';
import { UnauthenticatedError, ValidationError } from '../../http/app-error';
import type { UserPrincipal } from '../../http/principal';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { SignedInUserView } from './auth.dto';
import type { LoginLimits } from './login-limits';
import type { PasswordWork } from './password-work';
import { passwordFaults } from './password-rules';
import { SessionEntity } from '../../model/session.entity';
import { UserEntity } from '../../model/user.entity';
import { UserProductEntity } from '../../model/user-product.entity';

export interface AuthServiceDeps {
  dataSource: DataSource;
  limits: LoginLimits;
  passwords: PasswordWork;
  session_ttl_ms: number;
}

interface Origin {
  ip: string;
  user_agent: string | null;
  request_id: string;
}

export class AuthService {
  constructor(private readonly deps: AuthServiceDeps) {}

  /**
   * Opens a session; its token is for the cookie. Unknown and disabled users take as long and are told the same as a
   * wrong password.
   */
  async login(
    credentials: { email: string; password: string },
    origin: Origin,
  ): Promise<{ user: SignedInUserView; session_token: string }> {
    const { dataSource, limits, passwords } = this.deps;
    const email = credentials.email.trim().toLowerCase();
    await limits.begin(email, origin.ip);
    const user = await dataSource.getRepository(UserEntity).findOneBy({ email });
    const matches = await passwords.verify(credentials.password, user?.password_hash ?? null);
    if (user === null || !matches || user.disabled) {
      await recordAudit(dataSource.manager, {
        actor: { kind: 'user', id: null, name: email, ip: origin.ip, request_id: origin.request_id },
        action: 'session.refuse',
        entity_type: 'session',
        entity_id: null,
        product_id: null,
      });
      throw new UnauthenticatedError('E-mail address or password is wrong.');
    }
    await limits.succeeded(email, origin.ip);
    const { token, hash } = generateToken('cms');
    const rehashed = passwords.needsRehash(user.password_hash) ? await passwords.hash(credentials.password) : null;
    await dataSource.transaction(async (manager) => {
      const session = await manager.save(
        manager.create(SessionEntity, {
          user_id: user.id,
          token_hash: hash,
          ip: origin.ip,
          user_agent: origin.user_agent?.slice(0, 500) ?? null,
          expires_at: new Date(Date.now() + this.deps.session_ttl_ms),
        }),
      );
      await manager.update(
        UserEntity,
        { id: user.id },
        { last_login_at: new Date(), ...(rehashed === null ? {} : { password_hash: rehashed }) },
      );
      await recordAudit(manager, {
        actor: { kind: 'user', id: user.id, name: user.email, ip: origin.ip, request_id: origin.request_id },
        action: 'session.create',
        entity_type: 'session',
        entity_id: session.id,
        product_id: null,
      });
    });
    const grants = await dataSource.getRepository(UserProductEntity).findBy({ user_id: user.id });
    return {
      session_token: token,
      user: {
        id: user.id,
        email: user.email,
        name: user.name,
        role: user.role,
        product_ids: grants.map((grant) => grant.product_id).sort((a, b) => a - b),
      },
    };
  }

  async logout(session_token: string, actor: Actor): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const session = await manager.findOneBy(SessionEntity, { token_hash: hashToken(session_token) });
      if (session === null) return;
      await manager.delete(SessionEntity, { id: session.id });
      await recordAudit(manager, {
        actor,
        action: 'session.delete',
        entity_type: 'session',
        entity_id: session.id,
        product_id: null,
      });
    });
  }

  /** Ends every other session of the user. */
  async changePassword(
    principal: UserPrincipal,
    change: { current_password: string; new_password: string },
    options: { actor: Actor; ip: string; session_token: string | null },
  ): Promise<void> {
    const { dataSource, limits, passwords } = this.deps;
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
      const kept = options.session_token === null ? '' : hashToken(options.session_token);
      await manager.delete(SessionEntity, { user_id: user.id, token_hash: Not(kept) });
      await recordAudit(manager, {
        actor: options.actor,
        action: 'user.change_password',
        entity_type: 'user',
        entity_id: user.id,
        product_id: null,
      });
    });
  }

  async forgetExpired(): Promise<void> {
    await this.deps.dataSource.query('DELETE FROM sessions WHERE expires_at < now()');
    await this.deps.limits.forgetOld();
  }
}
