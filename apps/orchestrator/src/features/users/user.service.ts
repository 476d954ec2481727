import { type DataSource, type EntityManager, ILike, In, QueryFailedError } from 'typeorm';
import { ConflictError, NotFoundError, ValidationError } from '../../http/app-error';
import { type Page, pageWindow } from '../../http/pagination';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { passwordFaults } from '../auth/password-rules';
import type { PasswordWork } from '../auth/password-work';
import { SessionEntity } from '../../model/session.entity';
import { UserEntity } from '../../model/user.entity';
import { UserProductEntity } from '../../model/user-product.entity';
import { ProductEntity } from '../../model/product.entity';
import type { CreateUserDto, UpdateUserDto, UserListQuery, UserView } from './user.dto';

export interface UserServiceDeps {
  dataSource: DataSource;
  passwords: PasswordWork;
}

export class UserService {
  constructor(private readonly deps: UserServiceDeps) {}

  async list(query: UserListQuery): Promise<Page<UserView>> {
    const window = pageWindow(query);
    const pattern = query.search ? ILike(`%${query.search.replace(/[\\%_]/g, '\\$&')}%`) : undefined;
    const [users, total] = await this.deps.dataSource.getRepository(UserEntity).findAndCount({
      where: pattern ? [{ email: pattern }, { name: pattern }] : {},
      order: { email: 'ASC' },
      skip: window.skip,
      take: window.take,
    });
    const grants = await grantsOf(
      this.deps.dataSource.manager,
      users.map((user) => user.id),
    );
    return {
      items: users.map((user) => presentUser(user, grants.get(user.id) ?? [])),
      total,
      page: window.page,
      page_size: window.page_size,
    };
  }

  async read(id: number): Promise<UserView> {
    return readUser(this.deps.dataSource.manager, id);
  }

  async create(dto: CreateUserDto, actor: Actor): Promise<UserView> {
    const email = dto.email.toLowerCase();
    const faults = passwordFaults('password', dto.password, email);
    if (faults.length > 0) throw new ValidationError(faults);
    const password_hash = await this.deps.passwords.hash(dto.password);
    return withUniqueEmail(() =>
      this.deps.dataSource.transaction(async (manager) => {
        const user = await manager.save(
          manager.create(UserEntity, { email, name: dto.name ?? '', role: dto.role, password_hash, disabled: false }),
        );
        await replaceGrants(manager, user.id, dto.product_ids ?? []);
        const view = await readUser(manager, user.id);
        await recordAudit(manager, {
          actor,
          action: 'user.create',
          entity_type: 'user',
          entity_id: user.id,
          product_id: null,
          after: auditFields(view),
        });
        return view;
      }),
    );
  }

  async update(id: number, dto: UpdateUserDto, actor: Actor): Promise<UserView> {
    const { product_ids, password, ...fields } = dto;
    const current = await this.read(id);
    if (password !== undefined) {
      const faults = passwordFaults('password', password, dto.email?.toLowerCase() ?? current.email);
      if (faults.length > 0) throw new ValidationError(faults);
    }
    const password_hash = password === undefined ? undefined : await this.deps.passwords.hash(password);
    return withUniqueEmail(() =>
      this.deps.dataSource.transaction(async (manager) => {
        await lockAdmins(manager);
        const before = await readUser(manager, id);
        const user = await manager.findOneByOrFail(UserEntity, { id });
        if (fields.email !== undefined) user.email = fields.email.toLowerCase();
        if (fields.name !== undefined) user.name = fields.name;
        if (fields.role !== undefined) user.role = fields.role;
        if (fields.disabled !== undefined) user.disabled = fields.disabled;
        if (password_hash !== undefined) user.password_hash = password_hash;
        await manager.save(user);
        if (product_ids !== undefined) await replaceGrants(manager, id, product_ids);
        await requireAnAdmin(manager, fields.disabled === true ? 'disabled' : 'role');
        if (password_hash !== undefined || user.disabled) await manager.delete(SessionEntity, { user_id: id });
        const after = await readUser(manager, id);
        await recordAudit(manager, {
          actor,
          action: 'user.update',
          entity_type: 'user',
          entity_id: id,
          product_id: null,
          before: { ...auditFields(before), password: null },
          after: { ...auditFields(after), password: password_hash === undefined ? null : 'new' },
        });
        return after;
      }),
    );
  }

  async delete(id: number, actor: Actor): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      await lockAdmins(manager);
      const before = await readUser(manager, id);
      await manager.delete(UserEntity, { id });
      await requireAnAdmin(manager, 'id');
      await recordAudit(manager, {
        actor,
        action: 'user.delete',
        entity_type: 'user',
        entity_id: id,
        product_id: null,
        before: auditFields(before),
      });
    });
  }
}

/** Two admins who remove each other at once must not both succeed. */
async function lockAdmins(manager: EntityManager): Promise<void> {
  await manager.query(`SELECT id FROM users WHERE role = 'admin' ORDER BY id FOR UPDATE`);
}

async function requireAnAdmin(manager: EntityManager, field: string): Promise<void> {
  if (!(await manager.existsBy(UserEntity, { role: 'admin', disabled: false }))) {
    throw new ConflictError('This is the last administrator: nobody could undo it.', [
      { field, message: 'would leave no administrator' },
    ]);
  }
}

async function readUser(manager: EntityManager, id: number): Promise<UserView> {
  const user = await manager.findOneBy(UserEntity, { id });
  if (user === null) throw new NotFoundError(`There is no user ${id}.`);
  return presentUser(user, (await grantsOf(manager, [id])).get(id) ?? []);
}

async function grantsOf(manager: EntityManager, user_ids: number[]): Promise<Map<number, number[]>> {
  const grants = await manager.find(UserProductEntity, {
    where: { user_id: In(user_ids) },
    order: { product_id: 'ASC' },
  });
  const byUser = new Map<number, number[]>();
  for (const { user_id, product_id } of grants) byUser.set(user_id, [...(byUser.get(user_id) ?? []), product_id]);
  return byUser;
}

async function replaceGrants(manager: EntityManager, user_id: number, product_ids: number[]): Promise<void> {
  const known = await manager.find(ProductEntity, { where: { id: In(product_ids) }, select: { id: true } });
  const known_ids = new Set(known.map((product) => product.id));
  const faults = product_ids.flatMap((id, index) =>
    known_ids.has(id) ? [] : [{ field: `product_ids[${index}]`, message: `names no product: ${id}` }],
  );
  if (faults.length > 0) throw new ValidationError(faults);
  await manager.delete(UserProductEntity, { user_id });
  if (product_ids.length > 0) {
    await manager.insert(
      UserProductEntity,
      product_ids.map((product_id) => ({ user_id, product_id })),
    );
  }
}

function presentUser(user: UserEntity, product_ids: number[]): UserView {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    disabled: user.disabled,
    product_ids,
    last_login_at: user.last_login_at?.toISOString() ?? null,
    created_at: user.created_at.toISOString(),
    updated_at: user.updated_at.toISOString(),
  };
}

function auditFields(view: UserView): Record<string, unknown> {
  const { email, name, role, disabled, product_ids } = view;
  return { email, name, role, disabled, product_ids };
}

async function withUniqueEmail<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QueryFailedError && error.driverError?.constraint === 'uq_users_email') {
      throw new ConflictError('There is a user with this e-mail address already.', [
        { field: 'email', message: 'is taken by another user' },
      ]);
    }
    throw error;
  }
}
