import { type EntityManager, In } from 'typeorm';
import { ProductEntity } from '../../model/product.entity';
import { UserEntity } from '../../model/user.entity';
import { UserIdentityEntity } from '../../model/user-identity.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { endSessions, revokeApiTokens } from '../auth/credentials';
import { readUser, replaceGrants } from '../users/user.store';
import type { Granted } from './group-grants';

/** Two first sign-ins of one person at once make one user. */
export async function lockIdentity(manager: EntityManager, issuer: string, subject: string): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`identity ${issuer} ${subject}`]);
}

/** What of a user a provider decides about. */
export interface Person {
  email: string | null;
  name: string | null;
  granted: Granted;
}

/** Gives a user the role and grants of the person's groups, in place of those of before. */
export async function applyPerson(
  manager: EntityManager,
  user: UserEntity,
  { email, name, granted }: Person,
  actor: Actor,
): Promise<void> {
  const before = await readUser(manager, user.id);
  const { role, all_products, may_read_payloads } = granted;
  // An address that another user has by now stays theirs.
  const is_free = email !== null && !(await manager.exists(UserEntity, { where: { email } })) && email.length <= 254;
  await manager.update(
    UserEntity,
    { id: user.id },
    {
      role,
      all_products,
      may_read_payloads,
      ...(is_free ? { email } : {}),
      ...(name ? { name: name.slice(0, 200) } : {}),
    },
  );
  const products = await manager.find(ProductEntity, {
    where: { slug: In(granted.product_slugs) },
    select: { id: true },
  });
  await replaceGrants(
    manager,
    user.id,
    products.map(({ id }) => id),
  );
  await recordChange(manager, before, actor);
}

/** Takes everything from a person who is granted nothing any more: grants, sessions and API tokens. */
export async function takeAll(manager: EntityManager, user: UserEntity, actor: Actor): Promise<void> {
  const before = await readUser(manager, user.id);
  const nothing = { role: 'viewer', all_products: false, may_read_payloads: false } as const;
  await manager.update(UserEntity, { id: user.id }, nothing);
  await replaceGrants(manager, user.id, []);
  await endSessions(manager, user.id);
  await revokeApiTokens(manager, user.id);
  await recordChange(manager, before, actor);
}

/** From now on the user signs in with the provider and no longer with a password. */
export async function linkIdentity(
  manager: EntityManager,
  user: UserEntity,
  identity: Pick<UserIdentityEntity, 'provider' | 'issuer' | 'subject'>,
  actor: Actor,
): Promise<UserIdentityEntity> {
  await manager.update(UserEntity, { id: user.id }, { password_hash: null });
  await endSessions(manager, user.id);
  const linked = await manager.save(manager.create(UserIdentityEntity, { ...identity, user_id: user.id }));
  await recordAudit(manager, {
    actor,
    action: 'user.link_identity',
    entity_type: 'user',
    entity_id: user.id,
    product_id: null,
    after: { email: user.email, provider: identity.provider, subject: identity.subject },
  });
  return linked;
}

type View = Awaited<ReturnType<typeof readUser>>;

async function recordChange(manager: EntityManager, before: View, actor: Actor): Promise<void> {
  const after = await readUser(manager, before.id);
  if (JSON.stringify(decided(before)) === JSON.stringify(decided(after))) return;
  await recordAudit(manager, {
    actor,
    action: 'user.update',
    entity_type: 'user',
    entity_id: before.id,
    product_id: null,
    before: decided(before),
    after: decided(after),
  });
}

const decided = ({ email, name, role, all_products, product_ids, may_read_payloads }: View) => ({
  email,
  name,
  role,
  all_products,
  product_ids,
  may_read_payloads,
});
