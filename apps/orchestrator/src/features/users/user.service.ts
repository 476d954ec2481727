import type { FieldFault } from '@cortex-mqtt/contracts';
import { type DataSource, type EntityManager, ILike, QueryFailedError } from 'typeorm';
import { containsPattern } from '../../database/contains-pattern';
import { ConflictError, ValidationError } from '../../http/app-error';
import { contentTag, requireTag } from '../../http/etag';
import { type Page, pageWindow } from '../../http/pagination';
import { UserEntity } from '../../model/user.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { endSessions, revokeApiTokens } from '../auth/credentials';
import { passwordFaults } from '../auth/password-rules';
import type { PasswordWork } from '../auth/password-work';
import type {
  CreatedUserView,
  CreateUserDto,
  IssuedInvitationView,
  UpdateUserDto,
  UserListQuery,
  UserView,
} from './user.dto';
import { lockAdmins, presentUsers, readUser, replaceGrants, requireAnAdmin } from './user.store';

export interface UserServiceDeps {
  dataSource: DataSource;
  passwords: PasswordWork;
  public_url: string | undefined;
  /** Ids of the providers that people sign in with. */
  provider_ids: ReadonlySet<string>;
  /** Makes the invitation of a user, in place of any earlier one. */
  issueInvitation(manager: EntityManager, user_id: number): Promise<{ token: string; expires_at: Date }>;
}

export interface UserWriteOptions {
  actor: Actor;
  /** What the caller has read (`If-Match`); undefined = the last write wins. */
  expected_tags: readonly string[] | undefined;
}

/** Signing in is no change of a user. */
export const userTag = (view: UserView): string => contentTag(view, ['last_login_at', 'updated_at']);

export class UserService {
  constructor(private readonly deps: UserServiceDeps) {}

  async list(query: UserListQuery): Promise<Page<UserView>> {
    const window = pageWindow(query);
    const pattern = query.search ? ILike(containsPattern(query.search)) : undefined;
    const [users, total] = await this.deps.dataSource.getRepository(UserEntity).findAndCount({
      where: pattern ? [{ email: pattern }, { name: pattern }] : {},
      order: { email: 'ASC' },
      skip: window.skip,
      take: window.take,
    });
    return {
      items: await presentUsers(this.deps.dataSource.manager, users),
      total,
      page: window.page,
      page_size: window.page_size,
    };
  }

  async read(id: number): Promise<UserView> {
    return readUser(this.deps.dataSource.manager, id);
  }

  async create(dto: CreateUserDto, actor: Actor): Promise<CreatedUserView> {
    const email = dto.email.toLowerCase();
    const faults = [...credentialFaults(dto, email), ...grantFaults(dto)];
    if (faults.length > 0) throw new ValidationError(faults);
    const password_hash = dto.password === undefined ? null : await this.deps.passwords.hash(dto.password);
    return withUniqueEmail(() =>
      this.deps.dataSource.transaction(async (manager) => {
        const user = await manager.save(
          manager.create(UserEntity, {
            email,
            name: dto.name ?? '',
            role: dto.role,
            all_products: dto.all_products ?? false,
            may_read_payloads: dto.may_read_payloads ?? false,
            password_hash,
            disabled: false,
          }),
        );
        await replaceGrants(manager, user.id, dto.product_ids ?? []);
        const invitation = dto.invite === true ? await this.deps.issueInvitation(manager, user.id) : null;
        const view = await readUser(manager, user.id);
        await recordAudit(manager, {
          actor,
          action: 'user.create',
          entity_type: 'user',
          entity_id: user.id,
          product_id: null,
          after: auditFields(view),
        });
        return { ...view, invitation: invitation && this.presentInvitation(invitation) };
      }),
    );
  }

  async update(id: number, dto: UpdateUserDto, { actor, expected_tags }: UserWriteOptions): Promise<UserView> {
    const { password } = dto;
    const current = await this.read(id);
    this.requireOurs(current, dto);
    const email = dto.email?.toLowerCase() ?? current.email;
    const faults = [
      ...(password === undefined ? [] : passwordFaults('password', password, email)),
      ...grantFaults(dto),
    ];
    if (faults.length > 0) throw new ValidationError(faults);
    const password_hash = password === undefined ? undefined : await this.deps.passwords.hash(password);
    return withUniqueEmail(() =>
      this.deps.dataSource.transaction(async (manager) => {
        await lockAdmins(manager);
        await manager.query('SELECT id FROM users WHERE id = $1 FOR UPDATE', [id]);
        const before = await readUser(manager, id);
        requireTag(expected_tags, userTag(before));
        const user = await manager.findOneByOrFail(UserEntity, { id });
        Object.assign(user, changedFields(dto, password_hash));
        await manager.save(user);
        // Who has every product has no list beside it, which would come back by surprise.
        const product_ids = dto.all_products === true ? [] : dto.product_ids;
        if (product_ids !== undefined) await replaceGrants(manager, id, product_ids);
        await requireAnAdmin(manager, dto.disabled === true ? 'disabled' : 'role');
        if (password_hash !== undefined || user.disabled) await endSessions(manager, id);
        const ends_tokens = password_hash !== undefined && dto.revoke_api_tokens !== false;
        const api_tokens_revoked = ends_tokens ? await revokeApiTokens(manager, id) : 0;
        const after = await readUser(manager, id);
        await recordAudit(manager, {
          actor,
          action: 'user.update',
          entity_type: 'user',
          entity_id: id,
          product_id: null,
          before: { ...auditFields(before), password: null, api_tokens_revoked: 0 },
          after: { ...auditFields(after), password: password_hash === undefined ? null : 'new', api_tokens_revoked },
        });
        return after;
      }),
    );
  }

  /** Makes a link with which the user chooses a password, in place of any earlier one. */
  async invite(id: number, actor: Actor): Promise<IssuedInvitationView> {
    return this.deps.dataSource.transaction(async (manager) => {
      const user = await readUser(manager, id);
      this.requireOurs(user, { password: '' });
      if (user.disabled) throw new ConflictError('A disabled user can accept no invitation; enable the user first.');
      const invitation = await this.deps.issueInvitation(manager, id);
      await recordAudit(manager, {
        actor,
        action: 'user.invite',
        entity_type: 'user',
        entity_id: id,
        product_id: null,
        after: { email: user.email, invited_until: invitation.expires_at.toISOString() },
      });
      return this.presentInvitation(invitation);
    });
  }

  async delete(id: number, { actor, expected_tags }: UserWriteOptions): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      await lockAdmins(manager);
      const before = await readUser(manager, id);
      requireTag(expected_tags, userTag(before));
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

  /** What a provider's groups say at each sign-in is changed there, and its people have no password here. */
  private requireOurs({ identity_provider }: UserView, dto: UpdateUserDto): void {
    if (identity_provider === null || !this.deps.provider_ids.has(identity_provider)) return;
    const fields = (['role', 'all_products', 'product_ids', 'may_read_payloads', 'password'] as const).filter(
      (field) => dto[field] !== undefined,
    );
    if (fields.length === 0) return;
    const detail = `This user signs in with the provider ${identity_provider}, whose groups decide about role and grants.`;
    throw new ConflictError(
      detail,
      fields.map((field) => ({ field, message: 'is decided by the provider' })),
    );
  }

  /** The token stands in the fragment, which browsers send to no server. */
  private presentInvitation({ token, expires_at }: { token: string; expires_at: Date }): IssuedInvitationView {
    const root = this.deps.public_url?.replace(/\/+$/, '') ?? '';
    return { token, url: `${root}/invitation#${token}`, expires_at: expires_at.toISOString() };
  }
}

function changedFields(dto: UpdateUserDto, password_hash: string | undefined): Partial<UserEntity> {
  const { name, role, disabled, all_products, may_read_payloads } = dto;
  const fields = {
    name,
    role,
    disabled,
    all_products,
    may_read_payloads,
    email: dto.email?.toLowerCase(),
    password_hash,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function credentialFaults(dto: CreateUserDto, email: string): FieldFault[] {
  if (dto.invite === true) {
    return dto.password === undefined ? [] : [{ field: 'password', message: 'must be absent when invite is true' }];
  }
  if (dto.password === undefined) return [{ field: 'password', message: 'is required, unless invite is true' }];
  return passwordFaults('password', dto.password, email);
}

function grantFaults({ all_products, product_ids }: Pick<CreateUserDto, 'all_products' | 'product_ids'>): FieldFault[] {
  if (all_products !== true || product_ids === undefined || product_ids.length === 0) return [];
  return [{ field: 'product_ids', message: 'must be empty when all_products is true' }];
}

function auditFields(view: UserView): Record<string, unknown> {
  const { email, name, role, disabled, all_products, product_ids, may_read_payloads } = view;
  return { email, name, role, disabled, all_products, product_ids, may_read_payloads };
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
