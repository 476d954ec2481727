import { EventEmitter } from 'node:events';
import type { BrokerConnection, ConnectionEvent } from '@cortex-mqtt/contracts';
import type { IncomingMessage } from './incoming-message';
import { mergeSnapshots } from './merge-snapshots';
import {
  createMqttSession,
  DEFAULT_TIMING,
  type DesiredSession,
  type MqttSession,
  type MqttSessionDeps,
} from './mqtt-session';
import { SerialWork } from './serial-work';
import type { LeftBroker, SessionSnapshot, SessionState } from './session-snapshot';

/**
 * What the listener holds at the brokers of its list: with `subscribe_on: one` a session that goes through the list by failover,
 * with `all` a session at each, which knows of no other. To everyone else that is one session.
 */
export function createBrokerSessions(deps: MqttSessionDeps): MqttSession {
  return new BrokerSessions(deps);
}

interface Member {
  readonly session: MqttSession;
  /** The only broker that it is for; null: it goes through the list. */
  only: string | null;
  /** Set while it goes: the broker was left out by choice, and what it still holds comes first. */
  leaving: Leaving | null;
}

interface Leaving {
  /** It is wanted again. */
  is_revoked: boolean;
  /** Too late for that. */
  is_ending: boolean;
  /** Resolves when it has ended, or was called back. */
  done: Promise<void>;
}

const WITHOUT_FAILOVER = { subscribe_on: 'one', after_s: null, failback_after_s: null } as const;

class BrokerSessions implements MqttSession {
  private readonly events = new EventEmitter();
  private readonly timing: { switch_drain_ms: number; failback_drain_ms: number };
  private members: Member[] = [];
  private desired: DesiredSession | null = null;
  private left: LeftBroker[] = [];
  private told: Pick<SessionState, 'state' | 'reason_code'> = { state: 'starting', reason_code: null };
  private told_since_ms = Date.now();
  private readonly work = new SerialWork();

  constructor(private readonly deps: MqttSessionDeps) {
    this.timing = { ...DEFAULT_TIMING, ...deps.timing };
  }

  on(event: 'change', listener: () => void): void;
  on(event: 'event', listener: (event: ConnectionEvent) => void): void;
  on(event: 'change' | 'event', listener: (event: ConnectionEvent) => void): void {
    this.events.on(event, listener);
  }

  start(desired: DesiredSession): void {
    this.reconcile(desired).catch((error: unknown) => {
      this.deps.logger.error('the session could not be started', { error });
    });
  }

  reconcile(desired: DesiredSession): Promise<void> {
    return this.work.run(() => {
      this.desired = desired;
      return this.arrange(desired);
    });
  }

  async reconnect(): Promise<void> {
    await Promise.all(this.staying().map(({ session }) => session.reconnect()));
  }

  async stop(options: { drain_ms: number }): Promise<void> {
    await this.work.stop();
    await Promise.all(
      this.members.map(({ session, leaving }) => (leaving?.is_ending ? leaving.done : session.stop(options))),
    );
  }

  async leaveGroup(options: { limit_ms: number }): Promise<void> {
    await this.work.stop();
    await Promise.all(this.members.map(({ session }) => session.leaveGroup(options)));
  }

  async untilQuiet(isPatient: () => boolean): Promise<boolean> {
    const quiet = await Promise.all(this.members.map(({ session }) => session.untilQuiet(isPatient)));
    return quiet.every(Boolean);
  }

  /** Whether the broker in use is there: one of them at least. */
  isConnected(): boolean {
    return this.inUse()?.session.isConnected() ?? false;
  }

  activeBroker(): BrokerConnection | null {
    return this.inUse()?.session.activeBroker() ?? null;
  }

  learn(): void {
    for (const { session } of this.members) session.learn();
  }

  connectedBrokers(): BrokerConnection[] {
    return this.staying().flatMap(({ session }) => session.connectedBrokers());
  }

  /** The broker that a message came from; null when it has been left since. */
  brokerOf(message: IncomingMessage): string | null {
    return this.memberOf(message)?.session.brokerOf(message) ?? null;
  }

  route(message: IncomingMessage): readonly number[] {
    const [first] = this.members;
    const member = this.members.length === 1 ? first : this.memberOf(message);
    return member?.session.route(message) ?? [];
  }

  snapshot(): SessionSnapshot {
    const staying = this.staying();
    const snapshot = mergeSnapshots({
      staying: staying.map(({ session }) => session.snapshot()),
      leaving: this.members.filter(({ leaving }) => leaving).map(({ session }) => session.snapshot()),
      left: this.left,
      now: new Date(),
    });
    const [only] = staying;
    if (only && staying.length === 1) return snapshot;
    return { ...snapshot, state_since: new Date(this.told_since_ms).toISOString() };
  }

  /** The first of the list that is connected, else the first. */
  private inUse(): Member | undefined {
    const staying = this.staying();
    return staying.find(({ session }) => session.isConnected()) ?? staying[0];
  }

  private memberOf(message: IncomingMessage): Member | undefined {
    return this.members.find(({ session }) => session.brokerOf(message) !== null);
  }

  private staying(): Member[] {
    return this.members.filter(({ leaving }) => leaving === null);
  }

  private async arrange(desired: DesiredSession): Promise<void> {
    const { brokers, failover } = desired;
    const names = brokers.map(({ name }) => name);
    // Two with one client id at one broker would end each other's connection: who goes has gone first.
    await Promise.all(this.members.map(({ leaving }) => (leaving?.is_ending ? leaving.done : undefined)));
    const is_several = failover.subscribe_on === 'all' && names.length > 1;
    if (is_several || this.members.length > 1) await this.endThoseWithout(names);
    const staying = is_several ? names.map((name) => this.memberFor(name)) : [this.keeper(names)];
    for (const member of staying) {
      if (member.leaving) member.leaving.is_revoked = true;
      member.leaving = null;
    }
    const leaving = this.members.filter((member) => !staying.includes(member));
    for (const member of leaving) member.only ??= nameOf(member);
    for (const [index, member] of staying.entries()) member.only = is_several ? (names[index] ?? null) : null;
    this.members = [...staying, ...leaving];
    this.left = is_several ? [] : this.left;
    await Promise.all(
      this.members.map((member) => {
        // The one that stays keeps to its broker until the others are gone: failover could lead it to one of theirs.
        const only = member.only ?? (leaving.length > 0 ? nameOf(member) : null);
        return member.session.reconcile(partOf(desired, only));
      }),
    );
    for (const member of leaving) this.leave(member);
    this.changed();
  }

  /** Sessions at brokers that are no longer in the list. */
  private async endThoseWithout(names: readonly string[]): Promise<void> {
    const gone = this.members.filter((member) => !names.includes(nameOf(member) ?? ''));
    this.members = this.members.filter((member) => !gone.includes(member));
    for (const { leaving } of gone) if (leaving) leaving.is_revoked = true;
    await Promise.all(gone.map(({ session }) => session.stop({ drain_ms: this.timing.switch_drain_ms })));
  }

  private memberFor(name: string): Member {
    return this.members.find((member) => nameOf(member) === name) ?? this.create();
  }

  /** The one that continues alone: at the first broker of the list that is connected, else at the first. */
  private keeper(names: readonly string[]): Member {
    const place = (member: Member): number => {
      const index = names.indexOf(nameOf(member) ?? '');
      return (index === -1 ? names.length : index) + (member.session.isConnected() ? 0 : names.length + 1);
    };
    return [...this.members].sort((a, b) => place(a) - place(b))[0] ?? this.create();
  }

  private create(): Member {
    const session = createMqttSession(this.deps);
    session.on('change', () => this.changed());
    session.on('event', (event) => {
      // What waited there comes now.
      if (event.type === 'connected') this.left = this.left.filter(({ broker }) => broker.name !== event.broker);
      this.events.emit('event', event);
    });
    return { session, only: null, leaving: null };
  }

  /** In the background: keeps receiving what its broker still holds, then ends. */
  private leave(member: Member): void {
    if (member.leaving) return;
    const leaving: Leaving = { is_revoked: false, is_ending: false, done: Promise.resolve() };
    member.leaving = leaving;
    leaving.done = this.end(member, leaving);
    leaving.done
      .then(() => this.work.run(async () => (this.desired ? this.arrange(this.desired) : undefined)))
      .catch((error: unknown) => this.deps.logger.error('the session at a broker could not be ended', { error }));
  }

  private async end({ session }: Member, leaving: Leaving): Promise<void> {
    const until_ms = Date.now() + this.timing.failback_drain_ms;
    const isWanted = (): boolean => leaving.is_revoked || this.work.is_stopped;
    await session.untilQuiet(() => !isWanted() && Date.now() < until_ms);
    if (isWanted()) return;
    leaving.is_ending = true;
    const broker = session.activeBroker();
    await session.stop({ drain_ms: this.timing.switch_drain_ms });
    this.members = this.members.filter((member) => member.session !== session);
    if (broker && !broker.clean_session) this.left.push({ broker, at_ms: Date.now() });
  }

  private changed(): void {
    const { state, reason_code } = this.snapshot();
    if (state !== this.told.state || reason_code !== this.told.reason_code) this.told_since_ms = Date.now();
    this.told = { state, reason_code };
    this.events.emit('change');
  }
}

const nameOf = ({ only, session }: Member): string | null => only ?? session.activeBroker()?.name ?? null;

function partOf(desired: DesiredSession, only: string | null): DesiredSession {
  if (only === null) return desired;
  const brokers = desired.brokers.filter(({ name }) => name === only);
  return { ...desired, brokers, failover: WITHOUT_FAILOVER };
}
