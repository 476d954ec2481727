import type { LeftSession, LeftSessionOutcome } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';

/** `claimed`: nobody else empties it meanwhile. `busy`: another instance does. `gone`: there is nothing left to do. */
export type Claim = 'claimed' | 'busy' | 'gone';

/** Where it is written down which sessions are left, and who empties one. Rejects while it can't be asked. */
export interface LeftSessionRegister {
  claim(id: number): Promise<Claim>;
  report(id: number, outcome: LeftSessionOutcome): Promise<void>;
}

export interface LeftSessionsDeps {
  register: LeftSessionRegister;
  /** Empties it and ends it; the number of messages that it held. */
  empty(left: LeftSession): Promise<number>;
  /** The present session is subscribed: what is published from now on comes by that one. */
  isReady(): boolean;
  logger: Logger;
  timing?: Partial<typeof TIMING>;
}

const TIMING = { look_every_ms: 200, again_after_ms: 30_000, longest_pause_ms: 600_000 };

/** Works off the sessions that earlier configurations left, one after another, until none remains. */
export class LeftSessions {
  private readonly timing: typeof TIMING;
  private list: readonly LeftSession[] = [];
  /** Not before this moment, by id; and the pause that led there. */
  private readonly paused = new Map<number, { until_ms: number; pause_ms: number }>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | null = null;
  private is_stopped = false;

  constructor(private readonly deps: LeftSessionsDeps) {
    this.timing = { ...TIMING, ...deps.timing };
  }

  /** All that are left, as of the newest configuration. */
  use(list: readonly LeftSession[]): void {
    this.list = list;
    const known = new Set(list.map(({ id }) => id));
    for (const id of this.paused.keys()) if (!known.has(id)) this.paused.delete(id);
    this.look();
  }

  async stop(): Promise<void> {
    this.is_stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private look(): void {
    clearTimeout(this.timer);
    if (this.running || this.is_stopped || this.list.length === 0) return;
    const now_ms = Date.now();
    const next = this.list.find(({ id }) => (this.paused.get(id)?.until_ms ?? 0) <= now_ms);
    if (next === undefined || !this.deps.isReady()) {
      this.timer = setTimeout(() => this.look(), this.timing.look_every_ms);
      this.timer.unref();
      return;
    }
    this.running = this.work(next).finally(() => {
      this.running = null;
      this.look();
    });
  }

  private async work(left: LeftSession): Promise<void> {
    const { register, logger } = this.deps;
    const { id, client_id, reason } = left;
    try {
      const claim = await register.claim(id);
      if (claim === 'gone') this.remove(id);
      if (claim === 'busy') this.pause(id);
      if (claim !== 'claimed') return;
      const outcome = await this.empty(left);
      await register.report(id, outcome);
      if (outcome.is_ended) {
        this.remove(id);
        logger.info('abandoned session emptied and ended', {
          client_id,
          reason,
          messages: outcome.messages,
        });
        return;
      }
      logger.warn('an abandoned session could not be ended', { client_id, reason, outcome });
    } catch (error) {
      logger.warn('The sessions that are left can not be worked off now', { client_id, error });
    }
    this.pause(id);
  }

  private async empty(left: LeftSession): Promise<LeftSessionOutcome> {
    try {
      return { is_ended: true, messages: await this.deps.empty(left), reason: null };
    } catch (error) {
      return { is_ended: false, messages: 0, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  private remove(id: number): void {
    this.list = this.list.filter((left) => left.id !== id);
    this.paused.delete(id);
  }

  private pause(id: number): void {
    const before_ms = this.paused.get(id)?.pause_ms ?? this.timing.again_after_ms / 2;
    const pause_ms = Math.min(this.timing.longest_pause_ms, before_ms * 2);
    this.paused.set(id, { until_ms: Date.now() + pause_ms, pause_ms });
  }
}
