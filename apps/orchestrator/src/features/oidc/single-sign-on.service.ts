import { generateToken } from '@cortex-mqtt/secrets';
import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource, EntityManager } from 'typeorm';
import { isEmail } from 'class-validator';
import { MalformedRequestError, NotFoundError, UnavailableError } from '../../http/app-error';
import { UserEntity } from '../../model/user.entity';
import { UserIdentityEntity } from '../../model/user-identity.entity';
import { type Actor, recordAudit, systemActor } from '../audit/audit-trail';
import type { Origin, SessionService } from '../auth/session.service';
import { grantedTo, groupsOf } from './group-grants';
import { applyPerson, linkIdentity, lockIdentity, takeAll } from './identity.store';
import { type Claims, ProviderClient } from './provider-client';
import type { OidcProvider } from './provider-settings';
import { returnPath } from './return-path';
import type { SignInAttempts } from './sign-in-attempts';
import { type RefusalReason, SignInRefusal } from './sign-in-refusal';

export interface SingleSignOnDeps {
  dataSource: DataSource;
  sessions: SessionService;
  attempts: SignInAttempts;
  providers: readonly OidcProvider[];
  /** Where browsers reach this orchestrator; there are no providers without. */
  public_url: string | undefined;
  /** Stays with a password whatever a provider says of it. */
  break_glass_email: string | null;
  logger: Logger;
}

type Outcome = { session_token: string } | Refused;

interface Refused {
  reason: RefusalReason;
  message: string;
}

/** People who sign in with an OpenID Connect provider. */
export class SingleSignOnService {
  private readonly clients: Map<string, ProviderClient>;

  constructor(private readonly deps: SingleSignOnDeps) {
    const root = deps.public_url?.replace(/\/+$/, '') ?? '';
    this.clients = new Map(
      deps.providers.map((provider) => [
        provider.id,
        new ProviderClient(provider, `${root}/api/v1/auth/oidc/${provider.id}/callback`),
      ]),
    );
  }

  /** Where the browser goes to sign in, and the cookie by which its answer is known. @throws SignInRefusal */
  async begin(
    provider_id: string,
    about: { browser: string | null; return_to: string | undefined },
  ): Promise<{ url: URL; browser: string }> {
    const client = this.client(provider_id);
    const browser = about.browser ?? generateToken('cmb').token;
    const return_to = returnPath(about.return_to);
    const checks = await this.deps.attempts.begin({ provider: provider_id, browser, return_to });
    return { url: await client.authorizationUrl(checks), browser };
  }

  /** Opens a session for whoever came back from the provider. @throws SignInRefusal */
  async finish(
    provider_id: string,
    answer: { query: URLSearchParams; browser: string | null },
    origin: Origin,
  ): Promise<{ session_token: string; return_to: string }> {
    const client = this.client(provider_id);
    const state = answer.query.get('state');
    if (state === null || answer.browser === null) throw new SignInRefusal('expired', 'no state or no cookie');
    const { return_to, ...checks } = await this.deps.attempts.take({
      provider: provider_id,
      state,
      browser: answer.browser,
    });
    const claims = await client.identify(answer.query, checks);
    const outcome = await this.deps.dataSource.transaction((manager) =>
      this.signIn(manager, client.provider, claims, origin),
    );
    // After the commit: what was taken away stays taken away.
    if ('reason' in outcome) {
      const who = typeof claims.email === 'string' ? claims.email : claims.sub;
      throw new SignInRefusal(outcome.reason, outcome.message, who.slice(0, 255));
    }
    return { session_token: outcome.session_token, return_to };
  }

  /** A refusal as it is written down. Who it was is known only once the provider has proved it. */
  async recordRefusal(provider: string, { reason, message, who }: SignInRefusal, origin: Origin): Promise<void> {
    const { logger, dataSource } = this.deps;
    const is_ours = reason !== 'unavailable';
    logger[is_ours ? 'info' : 'warn']('sign-in with a provider refused', { provider, reason, detail: message });
    if (['expired', 'refused', 'unavailable'].includes(reason)) return;
    await recordAudit(dataSource.manager, {
      actor: { ...systemActor(`provider ${provider}`), ip: origin.ip, request_id: origin.request_id },
      action: 'session.refuse',
      entity_type: 'session',
      entity_id: null,
      product_id: null,
      after: { provider, reason, ...(who === null ? {} : { who }) },
    });
  }

  /** The provider signs somebody out: their sessions from before end. */
  async backChannelLogout(provider_id: string, logout_token: string, origin: Origin): Promise<void> {
    const client = this.client(provider_id);
    const who = await client.signedOut(logout_token).catch((error: unknown) => {
      if (error instanceof SignInRefusal) throw new UnavailableError('The provider’s keys can’t be read now.');
      throw new MalformedRequestError(`The logout token is not valid: ${(error as Error).message}`);
    });
    await this.deps.dataSource.transaction(async (manager) => {
      // One that was made after the token belongs to a later sign-in: a token that is sent again ends nothing.
      const [ended] = await manager.query<[{ id: number; user_id: number; email: string }[], number]>(
        `DELETE FROM sessions s USING user_identities i, users u
         WHERE i.id = s.identity_id AND u.id = s.user_id AND i.issuer = $1
           AND ($2::text IS NULL OR i.subject = $2) AND ($3::text IS NULL OR s.provider_session = $3)
           AND s.created_at <= $4::timestamptz + interval '60 seconds'
         RETURNING s.id, s.user_id, u.email`,
        [who.issuer, who.subject, who.provider_session, who.issued_at],
      );
      for (const { id, user_id, email } of ended) {
        await recordAudit(manager, {
          actor: { kind: 'user', id: user_id, name: email, ip: origin.ip, request_id: origin.request_id },
          action: 'session.delete',
          entity_type: 'session',
          entity_id: id,
          product_id: null,
          after: { by: `provider ${provider_id}` },
        });
      }
    });
  }

  private client(provider_id: string): ProviderClient {
    const client = this.clients.get(provider_id);
    if (client === undefined) throw new NotFoundError(`There is no provider ${provider_id}.`);
    return client;
  }

  private async signIn(
    manager: EntityManager,
    provider: OidcProvider,
    claims: Claims,
    origin: Origin,
  ): Promise<Outcome> {
    const { iss: issuer, sub: subject } = claims;
    const actor = { ...systemActor(`provider ${provider.id}`), ip: origin.ip, request_id: origin.request_id };
    const granted = grantedTo(groupsOf(claims, provider.groups_claim), provider.grants);
    await lockIdentity(manager, issuer, subject);
    let identity = await manager.findOneBy(UserIdentityEntity, { issuer, subject });
    if (granted === null) {
      const known = identity && (await manager.findOneBy(UserEntity, { id: identity.user_id }));
      if (known) await takeAll(manager, known, actor);
      return { reason: 'no_group', message: 'none of the groups of this person is granted anything' };
    }
    const email = emailOf(claims, provider);
    const name = typeof claims.name === 'string' ? claims.name : null;
    if (identity === null) {
      if ('reason' in email) return email;
      const user = await this.userFor(manager, provider, claims, email.address, actor);
      if ('reason' in user) return user;
      identity = await linkIdentity(manager, user, { provider: provider.id, issuer, subject }, actor);
    }
    const user = await manager.findOneByOrFail(UserEntity, { id: identity.user_id });
    if (user.disabled) return { reason: 'disabled', message: `user ${user.id} is disabled` };
    await manager.update(UserIdentityEntity, { id: identity.id }, { provider: provider.id });
    const keeps_email = 'reason' in email || email.address === this.deps.break_glass_email;
    await applyPerson(manager, user, { email: keeps_email ? null : email.address, name, granted }, actor);
    const provider_session = typeof claims.sid === 'string' ? claims.sid : null;
    const now = await manager.findOneByOrFail(UserEntity, { id: user.id });
    const session_token = await this.deps.sessions.open(manager, now, origin, {
      identity_id: identity.id,
      provider: provider.id,
      provider_session,
    });
    return { session_token };
  }

  /** The user of a person who comes for the first time: a new one, or by choice the local one with the same address. */
  private async userFor(
    manager: EntityManager,
    provider: OidcProvider,
    claims: Claims,
    email: string,
    actor: Actor,
  ): Promise<UserEntity | Refused> {
    const taken = { reason: 'email_taken', message: 'another user has this e-mail address' } as const;
    const existing = await manager.findOneBy(UserEntity, { email });
    if (existing !== null) {
      const is_linked = await manager.existsBy(UserIdentityEntity, { user_id: existing.id });
      // What is not proven to be the same mailbox must not open the account, whatever else the settings say.
      const may_link = provider.link_by_email && claims.email_verified === true && !is_linked;
      return may_link && email !== this.deps.break_glass_email ? existing : taken;
    }
    if (email === this.deps.break_glass_email) return taken;
    const user = await manager.save(
      manager.create(UserEntity, { email, role: 'viewer', password_hash: null, disabled: false }),
    );
    await recordAudit(manager, {
      actor,
      action: 'user.create',
      entity_type: 'user',
      entity_id: user.id,
      product_id: null,
      after: { email, provider: provider.id },
    });
    return user;
  }
}

function emailOf(claims: Claims, provider: OidcProvider): { address: string } | Refused {
  const { email, email_verified } = claims;
  if (typeof email !== 'string' || !isEmail(email) || email.length > 254) {
    return { reason: 'no_email', message: 'the provider sends no e-mail address' };
  }
  const is_verified = email_verified === true || (email_verified === undefined && !provider.require_verified_email);
  if (!is_verified) return { reason: 'email_unverified', message: 'the e-mail address is not verified' };
  return { address: email.toLowerCase() };
}
