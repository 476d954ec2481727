import type { InstanceRole, StatusReply } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import { Backoff, type BackoffTiming } from '../session/backoff';
import type { RoleMemory } from './role-memory';

export type RoleAnswer = Pick<StatusReply, 'role' | 'term' | 'active_instance_id'>;

export interface RoleTiming {
  /** How long to stay away from the broker after another client has taken the session, although it is our turn. */
  yielding: BackoffTiming;
  /** Without an answer of the orchestrator the session is taken back after this; doubled each time, up to the maximum. */
  unconfirmed_ms: number;
  unconfirmed_max_ms: number;
  /** A turn that lasts this long was a good one. */
  stable_after_ms: number;
}

const DEFAULT_TIMING: RoleTiming = {
  yielding: { base_delay_ms: 1_000, max_delay_ms: 60_000, refused_delay_ms: 1_000, refused_max_delay_ms: 60_000 },
  unconfirmed_ms: 30_000,
  unconfirmed_max_ms: 300_000,
  stable_after_ms: 60_000,
};

export interface ReplicaRoleDeps {
  /** null: nobody gives roles, this instance is always the active one. */
  memory: RoleMemory | null;
  logger: Logger;
  onChange(): void;
  timing?: Partial<RoleTiming>;
}

/**
 * Whose turn it is, of instances that use one session at the broker in turn. The orchestrator decides, in its answers to status
 * reports. One that can't reach it keeps its role. One whose session was taken over by another client steps back until
 * the orchestrator has confirmed that it is its turn, so that two never fight for the session.
 */
export class ReplicaRole {
  role: InstanceRole | null;
  /** Of the turn that is or was ours; 0 = none yet. */
  term: number;
  active_instance_id: string | null = null;
  since = new Date();
  /** When what was answered last was asked; until the lease is over from then on nobody else has the turn. */
  confirmed_at_ms = 0;
  private readonly timing: RoleTiming;
  private readonly backoff: Backoff;
  /** Set while it has stepped back by itself. */
  private stepped_back: { at_ms: number; until_ms: number; is_answered: boolean } | null = null;
  private stepped_back_because = '';
  private unconfirmed_times = 0;
  private timer: NodeJS.Timeout | undefined;
  private stable_timer: NodeJS.Timeout | undefined;

  constructor(private readonly deps: ReplicaRoleDeps) {
    this.timing = { ...DEFAULT_TIMING, ...deps.timing };
    this.backoff = new Backoff(this.timing.yielding);
    this.role = deps.memory === null ? 'active' : null;
    this.term = deps.memory === null ? 1 : 0;
  }

  /** It is this instance's turn, as far as it knows. */
  get is_active(): boolean {
    return this.role === 'active' && this.term > 0 && this.stepped_back === null;
  }

  /** Why it isn't active, in words; null when it is or nothing is known. */
  get reason(): string | null {
    if (this.stepped_back) return `${this.stepped_back_because}; waiting to hear whose turn it is.`;
    if (this.role !== 'standby') return null;
    return this.active_instance_id === null
      ? 'Another instance is active.'
      : `The instance "${this.active_instance_id}" is active; this one takes over when it is gone.`;
  }

  /** The orchestrator has answered what it was asked at `asked_at_ms`. */
  told({ role, term, active_instance_id }: RoleAnswer, asked_at_ms = Date.now()): void {
    if (this.deps.memory === null) return;
    // An answer that lay in the socket while the process did not run.
    if (this.stepped_back && asked_at_ms < this.stepped_back.at_ms) return;
    this.confirmed_at_ms = asked_at_ms;
    this.active_instance_id = active_instance_id;
    this.unconfirmed_times = 0;
    if (role === 'active' && this.stepped_back) {
      if (!this.stepped_back.is_answered) {
        this.stepped_back.is_answered = true;
        this.returnAfter(this.stepped_back.until_ms - Date.now());
      }
      return;
    }
    if (role === 'standby') this.endStepBack();
    this.become(role, term);
  }

  /** The orchestrator can't be asked: what was last known stays in effect. */
  async unanswered(): Promise<void> {
    if (this.role !== null) return;
    const remembered = await this.deps.memory?.load();
    if (this.role === null) this.become(remembered?.role ?? 'active', Math.max(1, remembered?.term ?? 1));
  }

  /** Another client has our session: it may be the instance whose turn it is now. */
  stepBack(): void {
    this.stepAway('Another client has taken the session over', this.backoff.next('refused'));
  }

  /** This process did not run for this long that the turn may have passed on. */
  suspended(gap_ms: number): void {
    this.stepAway(`This listener did not run for ${Math.round(gap_ms / 1_000)} s`, 0);
  }

  private stepAway(because: string, pause_ms: number): void {
    if (this.deps.memory === null || !this.is_active) return;
    clearTimeout(this.stable_timer);
    const at_ms = Date.now();
    this.stepped_back_because = because;
    this.stepped_back = { at_ms, until_ms: at_ms + pause_ms, is_answered: false };
    const unconfirmed_ms = Math.min(
      this.timing.unconfirmed_max_ms,
      this.timing.unconfirmed_ms * 2 ** this.unconfirmed_times,
    );
    this.unconfirmed_times += 1;
    this.since = new Date();
    this.deps.logger.warn('stepping back until it is clear whose turn it is', { because });
    this.returnAfter(unconfirmed_ms);
    this.deps.onChange();
  }

  stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.stable_timer);
  }

  private returnAfter(wait_ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => {
        this.endStepBack();
        this.since = new Date();
        this.watchStable();
        this.deps.onChange();
      },
      Math.max(0, wait_ms),
    );
  }

  private endStepBack(): void {
    clearTimeout(this.timer);
    this.stepped_back = null;
  }

  private become(role: InstanceRole, term: number): void {
    const was_active = this.is_active;
    if (this.role === role && (role === 'standby' || this.term === term)) return;
    if (this.role !== role) this.since = new Date();
    this.role = role;
    // A standby remembers the term of its own last turn: a later one tells that others were in between.
    if (role === 'active') this.term = term;
    if (this.is_active) this.watchStable();
    if (was_active !== this.is_active) this.deps.logger.info('role', { role, term });
    void this.deps.memory?.save({ role, term: this.term });
    this.deps.onChange();
  }

  private watchStable(): void {
    clearTimeout(this.stable_timer);
    this.stable_timer = setTimeout(() => this.backoff.reset(), this.timing.stable_after_ms);
    this.stable_timer.unref();
  }
}
