import { type StatusReply, type StatusReport, waitAtMost, withTimeLimit } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import { ProductDeletedError, TokenRefusedError } from '../config-source/orchestrator-client';
import type { DeltaBox } from './delta-box';

/** Changes that follow each other this closely are one report. */
const DEBOUNCE_MS = 30;

/** What the parts of the listener know at this moment; the reporter adds identity, sequence and delta. */
export type StatusFacts = Omit<StatusReport, 'sequence' | 'reported_at' | 'delta'>;

export interface StatusReporterDeps {
  post(report: StatusReport): Promise<StatusReply>;
  facts(): StatusFacts;
  /** Moves what was counted since the last call into the delta box. */
  collect(): void;
  delta: DeltaBox;
  heartbeat_ms: number;
  logger: Logger;
  /** The orchestrator wants another revision than the one applied. */
  onBehind(desired_revision: number): void;
  /** `asked_at_ms`: when the report that it answers was made. */
  onReply(reply: StatusReply, asked_at_ms: number): void;
  /** The token is refused: what becomes of the configuration is asked at once, not at the next poll. */
  onTokenRefused(): void;
  /** A report could not be delivered. */
  onUnreachable(): void;
}

/**
 * Posts the status on every change and as a heartbeat. Posts never overlap; what changes during one is told by the next.
 */
export class StatusReporter {
  private sequence = 0;
  private heartbeat: NodeJS.Timeout | null = null;
  private interval_ms: number | null = null;
  private debounce: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;
  private failures = 0;
  private is_leaving = false;
  private is_deleted = false;

  constructor(private readonly deps: StatusReporterDeps) {}

  start(): void {
    this.beatEvery(this.deps.heartbeat_ms);
    this.send();
  }

  private beatEvery(interval_ms: number): void {
    if (this.stopped || this.interval_ms === interval_ms) return;
    if (this.heartbeat) clearInterval(this.heartbeat);
    this.interval_ms = interval_ms;
    this.heartbeat = setInterval(() => this.send(), interval_ms);
  }

  /** Something worth telling has changed. */
  changed(): void {
    if (this.stopped || this.debounce) return;
    this.debounce = setTimeout(() => {
      this.debounce = null;
      this.send();
    }, DEBOUNCE_MS);
  }

  /** Sends a last report; gives up after `limit_ms`. */
  async stop(limit_ms: number): Promise<void> {
    if (this.heartbeat) clearInterval(this.heartbeat);
    if (this.debounce) clearTimeout(this.debounce);
    this.stopped = true;
    const last = (async () => {
      await this.running;
      await this.post();
    })();
    await waitAtMost(limit_ms, last);
  }

  private send(): void {
    if (this.stopped) return;
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = this.post().then(() => {
      this.running = null;
      if (this.again || this.deps.delta.hasMore) {
        this.again = false;
        this.changed();
      }
    });
  }

  /**
   * What a listener that stops leaves behind. `may_leave`: another instance stays in the shared group, so that this one may leave
   * it. `deleted`: the product is gone. `stay` too when nobody answers in time.
   */
  async askToLeave(limit_ms: number): Promise<'may_leave' | 'stay' | 'deleted'> {
    this.is_leaving = true;
    const asked = (async () => {
      await this.running;
      const reply = await this.post();
      if (this.is_deleted) return 'deleted';
      return reply?.may_leave === true ? 'may_leave' : 'stay';
    })();
    return withTimeLimit(asked, { limit_ms, atLimit: () => 'stay' });
  }

  private async post(): Promise<StatusReply | null> {
    const { deps } = this;
    deps.collect();
    this.sequence += 1;
    const report: StatusReport = {
      ...deps.facts(),
      ...(this.is_leaving ? { is_leaving: true } : {}),
      sequence: this.sequence,
      reported_at: new Date().toISOString(),
      delta: deps.delta.next(),
    };
    const asked_at_ms = Date.now();
    try {
      const reply = await deps.post(report);
      deps.delta.confirm(reply.delta_sequence);
      if (this.failures > 0) deps.logger.info('status reports succeed again', { failures: this.failures });
      this.failures = 0;
      if (!this.stopped) {
        this.beatEvery(Math.min(reply.heartbeat_ms ?? Infinity, deps.heartbeat_ms));
        deps.onReply(reply, asked_at_ms);
      }
      if (isBehind(report, reply) && !this.stopped) deps.onBehind(reply.desired_revision);
      return reply;
    } catch (error) {
      this.failures += 1;
      this.is_deleted = error instanceof ProductDeletedError;
      if (!this.stopped) deps.onUnreachable();
      if (!this.stopped && error instanceof TokenRefusedError) deps.onTokenRefused();
      // The first of a row is news; the rest would only fill the log. A refused token is the config source's to tell.
      if (this.failures === 1 && !(error instanceof TokenRefusedError)) {
        deps.logger.warn('status report failed; the next heartbeat retries', { error });
      }
      return null;
    }
  }
}

/** Another number, or the same number of another history: a restored database counts on from an older revision. */
function isBehind(report: StatusReport, reply: StatusReply): boolean {
  if (reply.desired_revision !== report.applied_revision) return true;
  return reply.desired_revision_key !== undefined && reply.desired_revision_key !== (report.applied_revision_key ?? '');
}
