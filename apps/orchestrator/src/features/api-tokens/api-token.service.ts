import { generateToken } from '@cortex-mqtt/secrets';
import type { DataSource } from 'typeorm';
import { ForbiddenError, NotFoundError } from '../../http/app-error';
import type { CreateBearerTokenDto } from '../../http/bearer-token.dto';
import { type Page, pageWindow } from '../../http/pagination';
import type { UserPrincipal } from '../../http/principal';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { ApiTokenEntity } from './api-token.entity';
import type { ApiTokenListQuery, ApiTokenView, CreatedApiTokenView } from './api-token.dto';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 90;

/** Bearer tokens that act as their user. Only the hash is kept. */
export class ApiTokenService {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  async list(principal: UserPrincipal, query: ApiTokenListQuery): Promise<Page<ApiTokenView>> {
    const user_id = query.user_id ?? principal.id;
    if (user_id !== principal.id && principal.role !== 'admin') {
      throw new ForbiddenError('Only administrators see the tokens of others.');
    }
    const window = pageWindow(query);
    const [tokens, total] = await this.deps.dataSource.getRepository(ApiTokenEntity).findAndCount({
      where: { user_id },
      order: { id: 'DESC' },
      skip: window.skip,
      take: window.take,
    });
    return { items: tokens.map(presentApiToken), total, page: window.page, page_size: window.page_size };
  }

  async create(principal: UserPrincipal, dto: CreateBearerTokenDto, actor: Actor): Promise<CreatedApiTokenView> {
    const { token, hash } = generateToken('cma');
    const days = dto.expires_in_days === undefined ? DEFAULT_DAYS : dto.expires_in_days;
    return this.deps.dataSource.transaction(async (manager) => {
      const entity = await manager.save(
        manager.create(ApiTokenEntity, {
          user_id: principal.id,
          name: dto.name,
          token_hash: hash,
          hint: token.slice(0, 12),
          expires_at: days === null ? null : new Date(Date.now() + days * DAY_MS),
          revoked_at: null,
          last_used_at: null,
        }),
      );
      const view = presentApiToken(entity);
      await recordAudit(manager, {
        actor,
        action: 'api_token.create',
        entity_type: 'api_token',
        entity_id: entity.id,
        product_id: null,
        after: { user_id: view.user_id, name: view.name, hint: view.hint, expires_at: view.expires_at },
      });
      return { ...view, token };
    });
  }

  /** A revoked token stays listed, so that its last use can be looked up. */
  async revoke(principal: UserPrincipal, id: number, actor: Actor): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const entity = await manager.findOneBy(ApiTokenEntity, { id });
      if (entity === null || (entity.user_id !== principal.id && principal.role !== 'admin')) {
        throw new NotFoundError(`You have no token ${id}.`);
      }
      if (entity.revoked_at !== null) return;
      const revoked_at = new Date();
      await manager.update(ApiTokenEntity, { id }, { revoked_at });
      await recordAudit(manager, {
        actor,
        action: 'api_token.revoke',
        entity_type: 'api_token',
        entity_id: id,
        product_id: null,
        before: { name: entity.name, revoked_at: null },
        after: { name: entity.name, revoked_at: revoked_at.toISOString() },
      });
    });
  }
}

function presentApiToken(token: ApiTokenEntity): ApiTokenView {
  return {
    id: token.id,
    user_id: token.user_id,
    name: token.name,
    hint: token.hint,
    expires_at: token.expires_at?.toISOString() ?? null,
    revoked_at: token.revoked_at?.toISOString() ?? null,
    last_used_at: token.last_used_at?.toISOString() ?? null,
    created_at: token.created_at.toISOString(),
  };
}
