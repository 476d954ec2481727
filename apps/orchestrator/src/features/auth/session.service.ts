import { generateToken, hashToken } from '@cortex-mqtt/secrets';
import type { DataSource, EntityManager } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import { type Page, type PageQuery, pageWindow } from '../../http/pagination';
import type { UserPrincipal } from '../../http/principal';
import { SessionEntity } from '../../model/session.entity';
import { UserEntity } from '../../model/user.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { OpenSessionView } from './auth.dto';

/** Where a sign-in comes from. */
export interface Origin {
  ip: string;
  user_agent: string | null;
  request_id: string;
}

/** The provider that said who it is, where it was no password. */
export interface ProviderProof {
  identity_id: number;
  provider: string;
  provider_session: string | null;
}

/** Sign-ins of people: each is one row, found by the hash of its cookie. */
export class SessionService {
  constructor(private readonly deps: { dataSource: DataSource; session_ttl_ms: number }) {}

  /** Opens a session in the transaction of whatever proved who it is; the result is its token, for the cookie. */
  async open(manager: EntityManager, user: UserEntity, origin: Origin, proof?: ProviderProof): Promise<string> {
    const { token, hash } = generateToken('cms');
    const session = await manager.save(
      manager.create(SessionEntity, {
        user_id: user.id,
        token_hash: hash,
        identity_id: proof?.identity_id ?? null,
        provider_session: proof?.provider_session ?? null,
        ip: origin.ip,
        user_agent: origin.user_agent?.slice(0, 500) ?? null,
        last_used_at: new Date(),
        expires_at: new Date(Date.now() + this.deps.session_ttl_ms),
      }),
    );
    await manager.update(UserEntity, { id: user.id }, { last_login_at: new Date() });
    await recordAudit(manager, {
      actor: { kind: 'user', id: user.id, name: user.email, ip: origin.ip, request_id: origin.request_id },
      action: 'session.create',
      entity_type: 'session',
      entity_id: session.id,
      product_id: null,
      ...(proof === undefined ? {} : { after: { provider: proof.provider } }),
    });
    return token;
  }

  /** One's own sessions that have not ended, newest first. */
  async list(principal: UserPrincipal, query: PageQuery): Promise<Page<OpenSessionView>> {
    const window = pageWindow(query);
    const [sessions, total] = await this.deps.dataSource
      .getRepository(SessionEntity)
      .createQueryBuilder('session')
      .where('session.user_id = :user_id AND session.expires_at > now()', { user_id: principal.id })
      .orderBy('session.id', 'DESC')
      .skip(window.skip)
      .take(window.take)
      .getManyAndCount();
    const current_id = principal.via === 'session' ? principal.credential_id : null;
    return {
      items: sessions.map((session) => presentSession(session, current_id)),
      total,
      page: window.page,
      page_size: window.page_size,
    };
  }

  /** Ends one of one's own sessions. */
  async end(principal: UserPrincipal, id: number, actor: Actor): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const { affected } = await manager.delete(SessionEntity, { id, user_id: principal.id });
      if (affected !== 1) throw new NotFoundError(`You have no session ${id}.`);
      await recordEnd(manager, id, actor);
    });
  }

  async logout(session_token: string, actor: Actor): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const session = await manager.findOneBy(SessionEntity, { token_hash: hashToken(session_token) });
      if (session === null) return;
      await manager.delete(SessionEntity, { id: session.id });
      await recordEnd(manager, session.id, actor);
    });
  }

  async forgetExpired(): Promise<void> {
    await this.deps.dataSource.query('DELETE FROM sessions WHERE expires_at < now()');
  }
}

async function recordEnd(manager: EntityManager, id: number, actor: Actor): Promise<void> {
  await recordAudit(manager, {
    actor,
    action: 'session.delete',
    entity_type: 'session',
    entity_id: id,
    product_id: null,
  });
}

function presentSession(session: SessionEntity, current_id: number | null): OpenSessionView {
  return {
    id: session.id,
    ip: session.ip,
    user_agent: session.user_agent,
    is_current: session.id === current_id,
    last_used_at: session.last_used_at?.toISOString() ?? null,
    expires_at: session.expires_at.toISOString(),
    created_at: session.created_at.toISOString(),
  };
}
