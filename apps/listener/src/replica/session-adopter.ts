import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection, ConnectionEvent, OrphanedSessions } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import type { MqttSession } from '../session/mqtt-session';

export interface AdoptionTiming {
  connect_ms: number;
  /** An owner that is alive after all has taken its session back by then. */
  owner_returns_within_ms: number;
  drain_ms: number;
  /** After an adoption that did not succeed. */
  again_after_ms: number;
}

const DEFAULT_TIMING: AdoptionTiming = {
  connect_ms: 30_000,
  owner_returns_within_ms: 10_000,
  drain_ms: 300_000,
  again_after_ms: 300_000,
};

const LOOK_EVERY_MS = 50;

/** A session of another instance, under its client id. */
export interface AdoptedSession {
  session: Pick<MqttSession, 'isConnected' | 'leaveGroup' | 'untilQuiet' | 'stop' | 'on' | 'snapshot'>;
  /** Messages that it has brought. */
  messages(): number;
}

export interface SessionAdopterDeps {
  /** Connects under `client_id`; its messages go the way of all others. */
  open(input: { broker: BrokerConnection; client_id: string }): AdoptedSession;
  /** The broker of the present configuration; null = it has none there. */
  brokerAt(address: { host: string; port: number }): BrokerConnection | null;
  onEvent(event: ConnectionEvent): void;
  logger: Logger;
  timing?: Partial<AdoptionTiming>;
}

/**
 * Goes on with sessions of members of the shared group that are gone: what the broker has queued for one of them, or sent and
 * has no acknowledgement of, it gives to nobody who comes under another client id. Connects under that id, waits
 * whether its owner is alive after all, takes the subscriptions back so that nothing more gets there, delivers what comes, and
 * leaves the session empty. Never connects a second time: an owner that returns takes its session back by connecting.
 */
export class SessionAdopter {
  private readonly timing: AdoptionTiming;
  /** Not before this moment, by instance. */
  private readonly paused = new Map<string, number>();
  private running: Promise<void> | null = null;
  private current: AdoptedSession | null = null;
  private latest: AdoptedSession | null = null;
  private is_stopped = false;
  /** What is under way ends. */
  private lets_go = false;

  constructor(private readonly deps: SessionAdopterDeps) {
    this.timing = { ...DEFAULT_TIMING, ...deps.timing };
  }

  /** Begins with the first of them, unless another is under way. They are offered again with each report. */
  offer(orphans: readonly OrphanedSessions[]): void {
    if (this.running || this.is_stopped) return;
    // What an attempt before has brought and not acknowledged comes again with the next one: first it ends here.
    if ((this.latest?.session.snapshot().in_flight ?? 0) > 0) return;
    for (const [instance_id, until_ms] of this.paused) if (until_ms < Date.now()) this.paused.delete(instance_id);
    const next = orphans.find(({ instance_id }) => !this.paused.has(instance_id));
    if (!next) return;
    this.lets_go = false;
    this.paused.set(next.instance_id, Date.now() + this.timing.again_after_ms);
    this.running = this.adopt(next)
      .catch((error: unknown) => this.deps.logger.error('an orphaned session could not be adopted', { ...next, error }))
      .finally(() => {
        this.running = null;
      });
  }

  /** Lets go of the session that it has; what is not done yet stays in it. */
  async letGo(): Promise<void> {
    this.lets_go = true;
    await this.current?.session.stop({ drain_ms: 0 });
    await this.running;
  }

  stop(): Promise<void> {
    this.is_stopped = true;
    return this.letGo();
  }

  private async adopt({ instance_id, sessions }: OrphanedSessions): Promise<void> {
    const { logger, brokerAt, onEvent } = this.deps;
    let messages = 0;
    /** Brokers that the present configuration does not have, or keeps no session at. */
    const not_emptied: string[] = [];
    for (const { host, port, client_id } of sessions) {
      const broker = brokerAt({ host, port });
      if (broker === null || broker.clean_session) {
        not_emptied.push(`${host}:${port}`);
        continue;
      }
      const found = await this.empty({ broker, client_id });
      if (found === null) {
        logger.info('an orphaned session could not be emptied', { instance_id, client_id });
        return;
      }
      messages += found;
    }
    if (not_emptied.length === sessions.length) {
      logger.warn('an orphaned session is at a broker that is no longer configured', {
        instance_id,
        brokers: not_emptied,
      });
      return;
    }
    const detail = { from: instance_id, messages, not_emptied };
    logger.warn('orphaned session adopted and emptied', detail);
    onEvent({ at: new Date().toISOString(), type: 'session_adopted', broker: null, detail });
  }

  /** The number of messages that were in it; null when it could not be emptied. */
  private async empty({ broker, client_id }: { broker: BrokerConnection; client_id: string }): Promise<number | null> {
    const { connect_ms, owner_returns_within_ms, drain_ms } = this.timing;
    // With the expiry that the owner asked for: an attempt that breaks off takes nothing from the time messages may wait.
    const adopted = this.deps.open({ broker: { ...broker, last_will: null }, client_id });
    this.current = adopted;
    this.latest = adopted;
    const { session } = adopted;
    let has_ended = false;
    session.on('event', ({ type }) => {
      if (has_ended || (type !== 'disconnected' && type !== 'connect_failed' && type !== 'taken_over')) return;
      has_ended = true;
      // At once: it would connect again by itself.
      void session.stop({ drain_ms: 0 });
    });
    const isOver = (): boolean => has_ended || this.lets_go;
    const until = async (limit_ms: number, isDone: () => boolean): Promise<boolean> => {
      for (const end_ms = Date.now() + limit_ms; Date.now() < end_ms && !isOver(); ) {
        if (isDone()) return true;
        await sleep(LOOK_EVERY_MS);
      }
      return false;
    };
    try {
      if (!(await until(connect_ms, () => session.isConnected()))) return null;
      await until(owner_returns_within_ms, () => false);
      // Of several lanes all: one that is not there would keep its subscriptions.
      if (isOver() || !session.isConnected()) return null;
      const end_ms = Date.now() + drain_ms;
      await session.leaveGroup({ limit_ms: drain_ms });
      const is_empty = await session.untilQuiet(() => !isOver() && Date.now() < end_ms);
      return is_empty && !isOver() ? adopted.messages() : null;
    } finally {
      if (!has_ended) {
        has_ended = true;
        await session.stop({ drain_ms: 0 });
      }
      this.current = null;
    }
  }
}
