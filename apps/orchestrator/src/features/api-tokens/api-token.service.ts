import { generateToken } from '@cortex-mqtt/secrets';
import { type DataSource, type EntityManager, In } from 'typeorm';
import { ForbiddenError, NotFoundError, UnauthenticatedError, ValidationError } from '../../http/app-error';
import { contentTag, requireTag } from '../../http/etag';
import { type Page, pageWindow } from '../../http/pagination';
import type { UserPrincipal } from '../../http/principal';
import { ProductEntity } from '../../model/product.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { ApiTokenListQuery, ApiTokenView, CreateApiTokenDto, CreatedApiTokenView } from './api-token.dto';
import { ApiTokenEntity } from './api-token.entity';
import { limitsOf } from './api-token-limits';

/** Bearer tokens that act as their user. Only the hash is kept. */
export class ApiTokenService {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  async list(principal: UserPrincipal, query: ApiTokenListQuery): Promise<Page<ApiTokenView>> {
    const user_id = query.user_id ?? principal.id;
    if (user_id !== principal.id && (principal.role !== 'admin' || principal.is_limited)) {
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

  async create(principal: UserPrincipal, dto: CreateApiTokenDto, actor: Actor): Promise<CreatedApiTokenView> {
    const { token, hash } = generateToken('cma');
    return this.deps.dataSource.transaction(async (manager) => {
      const parent = principal.via === 'api_token' ? await lockParent(manager, principal.credential_id) : null;
      const { limits, faults } = limitsOf(dto, { principal, parent, now: new Date() });
      faults.push(...(await unknownProducts(manager, limits.product_ids)));
      if (faults.length > 0) throw new ValidationError(faults);
      const entity = await manager.save(
        manager.create(ApiTokenEntity, {
          user_id: principal.id,
          name: dto.name,
          token_hash: hash,
          hint: token.slice(0, 12),
          ...limits,
          parent_id: parent?.id ?? null,
          revoked_at: null,
          last_used_at: null,
        }),
      );
      const view = presentApiToken(entity);
      const { user_id, name, hint, scopes, product_ids, parent_id, expires_at } = view;
      await recordAudit(manager, {
        actor,
        action: 'api_token.create',
        entity_type: 'api_token',
        entity_id: entity.id,
        product_id: null,
        after: { user_id, name, hint, scopes, product_ids, parent_id, expires_at },
      });
      return { ...view, token };
    });
  }

  async read(principal: UserPrincipal, id: number): Promise<ApiTokenView> {
    return presentApiToken(await findFor(this.deps.dataSource.manager, principal, id));
  }

  /** Takes those that it made along. A revoked token stays listed, so that its last use can be looked up. */
  async revoke(
    principal: UserPrincipal,
    id: number,
    { actor, expected_tags }: { actor: Actor; expected_tags: readonly string[] | undefined },
  ): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      requireTag(expected_tags, apiTokenTag(presentApiToken(await findFor(manager, principal, id))));
      const [revoked] = (await manager.query(
        `WITH RECURSIVE line AS (
           SELECT id FROM api_tokens WHERE id = $1
           UNION SELECT t.id FROM api_tokens t JOIN line ON t.parent_id = line.id
         )
         UPDATE api_tokens SET revoked_at = now() WHERE id IN (SELECT id FROM line) AND revoked_at IS NULL
         RETURNING id, name, revoked_at`,
        [id],
      )) as [{ id: number; name: string; revoked_at: Date }[]];
      for (const { id: entity_id, name, revoked_at } of revoked) {
        await recordAudit(manager, {
          actor,
          action: 'api_token.revoke',
          entity_type: 'api_token',
          entity_id,
          product_id: null,
          before: { name, revoked_at: null },
          after: { name, revoked_at: revoked_at.toISOString() },
        });
      }
    });
  }
}

/** The token of the caller, or of anybody for an administrator. */
async function findFor(manager: EntityManager, principal: UserPrincipal, id: number): Promise<ApiTokenEntity> {
  const entity = await manager.findOneBy(ApiTokenEntity, { id });
  const is_manager = principal.role === 'admin' && !principal.is_limited;
  if (entity === null || (entity.user_id !== principal.id && !is_manager)) {
    throw new NotFoundError(`You have no token ${id}.`);
  }
  return entity;
}

/** Being used is no change of a token. */
export const apiTokenTag = (view: ApiTokenView): string => contentTag(view, ['last_used_at']);

/** Held until the child is there: a revocation at the same time waits, and then finds the child. */
async function lockParent(manager: EntityManager, id: number): Promise<ApiTokenEntity> {
  const parent = await manager.findOne(ApiTokenEntity, { where: { id }, lock: { mode: 'pessimistic_write' } });
  if (parent === null || parent.revoked_at !== null) throw new UnauthenticatedError('This API token has been revoked.');
  return parent;
}

async function unknownProducts(
  manager: EntityManager,
  product_ids: number[] | null,
): Promise<{ field: string; message: string }[]> {
  if (product_ids === null) return [];
  const known = await manager.find(ProductEntity, { where: { id: In(product_ids) }, select: { id: true } });
  const known_ids = new Set(known.map((product) => product.id));
  return product_ids.flatMap((id, index) =>
    known_ids.has(id) ? [] : [{ field: `product_ids[${index}]`, message: `names no product that you may see: ${id}` }],
  );
}

function presentApiToken(token: ApiTokenEntity): ApiTokenView {
  return {
    id: token.id,
    user_id: token.user_id,
    name: token.name,
    hint: token.hint,
    scopes: token.scopes,
    product_ids: token.product_ids,
    parent_id: token.parent_id,
    expires_at: token.expires_at?.toISOString() ?? null,
    revoked_at: token.revoked_at?.toISOString() ?? null,
    last_used_at: token.last_used_at?.toISOString() ?? null,
    created_at: token.created_at.toISOString(),
  };
}
