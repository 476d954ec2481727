import { generateToken, hashToken } from '@cortex-mqtt/secrets';
import { type DataSource, type EntityManager, MoreThan } from 'typeorm';
import { ForbiddenError, NotFoundError, ValidationError } from '../../http/app-error';
import { UserEntity } from '../../model/user.entity';
import { recordAudit } from '../audit/audit-trail';
import { endSessions } from './credentials';
import type { AcceptInvitationDto, InvitationView } from './invitation.dto';
import { passwordFaults } from './password-rules';
import type { PasswordWork } from './password-work';
import type { Origin, SessionService } from './session.service';
import { UserInvitationEntity } from '../../model/user-invitation.entity';

const VALID_FOR_MS = 7 * 86_400_000;

/** A link that lets its holder choose the password of one user, once; an administrator hands it over. */
export class InvitationService {
  constructor(
    private readonly deps: {
      dataSource: DataSource;
      passwords: PasswordWork;
      sessions: SessionService;
      /** Whose password opens a session; null = everybody’s. */
      passwords_of: string | null;
    },
  ) {}

  async read(token: string): Promise<InvitationView> {
    const { user, invitation } = await find(this.deps.dataSource.manager, token);
    return { email: user.email, name: user.name, expires_at: invitation.expires_at.toISOString() };
  }

  /** Sets the password, uses the invitation up and opens a session; the result is its token, for the cookie. */
  async accept(dto: AcceptInvitationDto, origin: Origin): Promise<string> {
    const { dataSource, passwords, sessions } = this.deps;
    const found = await find(dataSource.manager, dto.token);
    if (this.deps.passwords_of !== null && found.user.email !== this.deps.passwords_of) {
      throw new ForbiddenError('Everybody signs in with a provider here: invitations are of no use.');
    }
    const faults = passwordFaults('password', dto.password, found.user.email);
    if (faults.length > 0) throw new ValidationError(faults);
    const password_hash = await passwords.hash(dto.password);
    return dataSource.transaction(async (manager) => {
      const { affected } = await manager.delete(UserInvitationEntity, { token_hash: hashToken(dto.token) });
      // Accepted by two at once: the first has it.
      if (affected !== 1) throw noInvitation();
      const { user } = found;
      await manager.update(UserEntity, { id: user.id }, { password_hash, name: dto.name ?? user.name });
      await endSessions(manager, user.id);
      await recordAudit(manager, {
        actor: { kind: 'user', id: user.id, name: user.email, ip: origin.ip, request_id: origin.request_id },
        action: 'user.accept_invitation',
        entity_type: 'user',
        entity_id: user.id,
        product_id: null,
      });
      return sessions.open(manager, user, origin);
    });
  }
}

/** Makes the invitation of a user, in place of any earlier one. The token is nowhere else. */
export async function issueInvitation(
  manager: EntityManager,
  user_id: number,
): Promise<{ token: string; expires_at: Date }> {
  const { token, hash } = generateToken('cmi');
  const expires_at = new Date(Date.now() + VALID_FOR_MS);
  // One statement: two that are made at once replace each other.
  await manager.upsert(UserInvitationEntity, { user_id, token_hash: hash, expires_at }, ['user_id']);
  return { token, expires_at };
}

async function find(
  manager: EntityManager,
  token: string,
): Promise<{ user: UserEntity; invitation: UserInvitationEntity }> {
  const invitation = await manager.findOneBy(UserInvitationEntity, {
    token_hash: hashToken(token),
    expires_at: MoreThan(new Date()),
  });
  const user = invitation && (await manager.findOneBy(UserEntity, { id: invitation.user_id, disabled: false }));
  if (!invitation || !user) throw noInvitation();
  return { user, invitation };
}

const noInvitation = () =>
  new NotFoundError('This invitation has been used, replaced or is over; ask an administrator for another.');
