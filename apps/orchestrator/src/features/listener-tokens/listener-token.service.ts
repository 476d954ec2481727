import { generateToken } from '@cortex-mqtt/secrets';
import type { DataSource, EntityManager } from 'typeorm';
import { notifyConfigurationChange } from '../../configuration/configuration-channel';
import { NotFoundError } from '../../http/app-error';
import { contentTag, requireTag } from '../../http/etag';
import type { CreateBearerTokenDto } from '../../http/bearer-token.dto';
import { type Page, type PageQuery, pageWindow } from '../../http/pagination';
import { ProductEntity } from '../../model/product.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { CreatedListenerTokenView, ListenerTokenView } from './listener-token.dto';
import { ListenerTokenEntity } from './listener-token.entity';

const DAY_MS = 86_400_000;

/** Bearer tokens that open only `/internal` of their product. Only the hash is kept. */
export class ListenerTokenService {
  constructor(private readonly deps: { dataSource: DataSource; onRevoked(product_id: number): void }) {}

  async list(product_id: number, query: PageQuery): Promise<Page<ListenerTokenView>> {
    await requireProduct(this.deps.dataSource.manager, product_id);
    const window = pageWindow(query);
    const [tokens, total] = await this.deps.dataSource.getRepository(ListenerTokenEntity).findAndCount({
      where: { product_id },
      order: { id: 'DESC' },
      skip: window.skip,
      take: window.take,
    });
    return { items: tokens.map(presentListenerToken), total, page: window.page, page_size: window.page_size };
  }

  async create(product_id: number, dto: CreateBearerTokenDto, actor: Actor): Promise<CreatedListenerTokenView> {
    const { token, hash } = generateToken('cml');
    const days = dto.expires_in_days ?? null;
    return this.deps.dataSource.transaction(async (manager) => {
      await requireProduct(manager, product_id);
      const entity = await manager.save(
        manager.create(ListenerTokenEntity, {
          product_id,
          name: dto.name,
          token_hash: hash,
          expires_at: days === null ? null : new Date(Date.now() + days * DAY_MS),
          revoked_at: null,
          last_used_at: null,
        }),
      );
      const view = presentListenerToken(entity);
      await recordAudit(manager, {
        actor,
        action: 'listener_token.create',
        entity_type: 'listener_token',
        entity_id: entity.id,
        product_id,
        after: { name: view.name, expires_at: view.expires_at },
      });
      return { ...view, token };
    });
  }

  async read(product_id: number, id: number): Promise<ListenerTokenView> {
    return presentListenerToken(await findIn(this.deps.dataSource.manager, product_id, id));
  }

  async revoke(
    product_id: number,
    id: number,
    { actor, expected_tags }: { actor: Actor; expected_tags: readonly string[] | undefined },
  ): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const entity = await findIn(manager, product_id, id);
      requireTag(expected_tags, listenerTokenTag(presentListenerToken(entity)));
      if (entity.revoked_at !== null) return;
      const revoked_at = new Date();
      await manager.update(ListenerTokenEntity, { id }, { revoked_at });
      await notifyConfigurationChange(manager, product_id);
      await recordAudit(manager, {
        actor,
        action: 'listener_token.revoke',
        entity_type: 'listener_token',
        entity_id: id,
        product_id,
        before: { name: entity.name, revoked_at: null },
        after: { name: entity.name, revoked_at: revoked_at.toISOString() },
      });
    });
    this.deps.onRevoked(product_id);
  }
}

async function findIn(manager: EntityManager, product_id: number, id: number): Promise<ListenerTokenEntity> {
  const entity = await manager.findOneBy(ListenerTokenEntity, { id, product_id });
  if (entity === null) throw new NotFoundError(`Product ${product_id} has no listener token ${id}.`);
  return entity;
}

/** Being used is no change of a token. */
export const listenerTokenTag = (view: ListenerTokenView): string => contentTag(view, ['last_used_at']);

async function requireProduct(manager: EntityManager, id: number): Promise<void> {
  if (!(await manager.existsBy(ProductEntity, { id }))) throw new NotFoundError(`There is no product ${id}.`);
}

function presentListenerToken(token: ListenerTokenEntity): ListenerTokenView {
  return {
    id: token.id,
    product_id: token.product_id,
    name: token.name,
    expires_at: token.expires_at?.toISOString() ?? null,
    revoked_at: token.revoked_at?.toISOString() ?? null,
    last_used_at: token.last_used_at?.toISOString() ?? null,
    created_at: token.created_at.toISOString(),
  };
}
