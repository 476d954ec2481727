import { type EntityManager, In, MoreThan } from 'typeorm';
import { ConflictError, NotFoundError, ValidationError } from '../../http/app-error';
import { ProductEntity } from '../../model/product.entity';
import { UserEntity } from '../../model/user.entity';
import { UserProductEntity } from '../../model/user-product.entity';
import { UserIdentityEntity } from '../../model/user-identity.entity';
import { UserInvitationEntity } from '../../model/user-invitation.entity';
import type { UserView } from './user.dto';

/** Two admins who remove each other at once must not both succeed. */
export async function lockAdmins(manager: EntityManager): Promise<void> {
  await manager.query(`SELECT id FROM users WHERE role = 'admin' ORDER BY id FOR UPDATE`);
}

export async function requireAnAdmin(manager: EntityManager, field: string): Promise<void> {
  if (!(await manager.existsBy(UserEntity, { role: 'admin', disabled: false }))) {
    throw new ConflictError('This is the last administrator: nobody could undo it.', [
      { field, message: 'would leave no administrator' },
    ]);
  }
}

export async function readUser(manager: EntityManager, id: number): Promise<UserView> {
  const user = await manager.findOneBy(UserEntity, { id });
  const [view] = user === null ? [] : await presentUsers(manager, [user]);
  if (view === undefined) throw new NotFoundError(`There is no user ${id}.`);
  return view;
}

/** Users with their grants and the invitations that are out, in the given order. */
export async function presentUsers(manager: EntityManager, users: UserEntity[]): Promise<UserView[]> {
  const user_id = In(users.map((user) => user.id));
  const grants = await manager.find(UserProductEntity, { where: { user_id }, order: { product_id: 'ASC' } });
  const product_ids = new Map<number, number[]>();
  for (const grant of grants) {
    product_ids.set(grant.user_id, [...(product_ids.get(grant.user_id) ?? []), grant.product_id]);
  }
  const invitations = await manager.findBy(UserInvitationEntity, { user_id, expires_at: MoreThan(new Date()) });
  const identities = await manager.findBy(UserIdentityEntity, { user_id });
  const providers = new Map(identities.map((identity) => [identity.user_id, identity.provider]));
  const invited_until = new Map(invitations.map((invitation) => [invitation.user_id, invitation.expires_at]));
  return users.map((user) => ({
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    disabled: user.disabled,
    all_products: user.all_products || user.role === 'admin',
    product_ids: product_ids.get(user.id) ?? [],
    may_read_payloads: user.may_read_payloads || user.role !== 'viewer',
    local_sign_in: user.password_hash !== null,
    identity_provider: providers.get(user.id) ?? null,
    invited_until: invited_until.get(user.id)?.toISOString() ?? null,
    last_login_at: user.last_login_at?.toISOString() ?? null,
    created_at: user.created_at.toISOString(),
    updated_at: user.updated_at.toISOString(),
  }));
}

export async function replaceGrants(manager: EntityManager, user_id: number, product_ids: number[]): Promise<void> {
  const faults = await unknownProducts(manager, product_ids);
  if (faults.length > 0) throw new ValidationError(faults);
  await manager.delete(UserProductEntity, { user_id });
  if (product_ids.length > 0) {
    await manager.insert(
      UserProductEntity,
      product_ids.map((product_id) => ({ user_id, product_id })),
    );
  }
}

async function unknownProducts(
  manager: EntityManager,
  product_ids: number[],
): Promise<{ field: string; message: string }[]> {
  const known = await manager.find(ProductEntity, { where: { id: In(product_ids) }, select: { id: true } });
  const known_ids = new Set(known.map((product) => product.id));
  return product_ids.flatMap((id, index) =>
    known_ids.has(id) ? [] : [{ field: `product_ids[${index}]`, message: `names no product: ${id}` }],
  );
}
