import type { SilenceWatch, StatusReply, StatusReport } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import type { Queries } from '../../database/queries';
import { isUp } from '../../model/liveness';
import type { Hearing } from '../replicas/hearing';
import { sessionsSeen, sessionsToTell } from '../replicas/known-sessions';
import {
  cannotReachBroker,
  DEFAULT_LEASE_TIMING,
  type LeaseTiming,
  longestHeartbeat,
  type Turn,
} from '../replicas/product-lease';
import { FleetMemory, type KnownInstance, type KnownProduct } from './fleet-memory';
import { type Heartbeat, type Renewal, renewLeases, writeHeartbeats } from './heartbeat-batch';
import { ReportBatches } from './report-batches';
import { canonicalFacts, factsText, gaugesText } from './report-facts';

/** A turn is granted from memory only while its committed lease lasts for longer than this, milliseconds. */
const LEASE_MARGIN_MS = 1_000;
/** A clock that has moved by more than this is written down, milliseconds. */
const SKEW_NOTICED_MS = 2_000;
/** Longest time between two writes of heartbeats, milliseconds. */
const LONGEST_FLUSH_MS = 1_000;

export interface FleetReportsDeps {
  /** Connections that are reserved for this. */
  db: Queries;
  /** Identifies this orchestrator in notifications. */
  node_id: string;
  hearing: Hearing;
  stale_after_ms: number;
  adopt_after_ms: number;
  lease?: Partial<LeaseTiming>;
  /** Whether a change that another orchestrator commits would be heard. */
  isListening(): boolean;
  /** What listeners of a product watch for silence. */
  silenceWatches?(product_id: number): Promise<SilenceWatch[]>;
  logger: Logger;
}

/**
 * Takes in the reports that change nothing but counters, gauges and heartbeats, which are nearly all of them, without a
 * transaction of their own. Three classes:
 *
 * - *Newest only*: a heartbeat with nothing new is answered from memory, and written once a second with all others.
 * - *Durable*: what was counted goes into the next batch, and the answer waits for its commit.
 * - *Facts*: whatever else has changed takes the full path (`StatusReportService`).
 *
 * What is remembered may be relied on only while changes of other orchestrators are heard and heartbeats get written.
 */
export class FleetReports {
  readonly memory: FleetMemory;
  private readonly lease: LeaseTiming;
  private readonly batches: ReportBatches;
  private heartbeats = new Map<string, Heartbeat>();
  private renewals = new Map<number, Renewal>();
  private flushing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private written_ms = performance.now();
  private next_tidy_ms = 0;
  private readonly flush_ms: number;

  constructor(private readonly deps: FleetReportsDeps) {
    this.memory = new FleetMemory({ db: deps.db, stale_after_ms: deps.stale_after_ms });
    this.lease = { ...DEFAULT_LEASE_TIMING, ...deps.lease };
    this.batches = new ReportBatches({ db: deps.db, node_id: deps.node_id });
    this.flush_ms = Math.max(50, Math.min(LONGEST_FLUSH_MS, deps.stale_after_ms / 6));
  }

  start(): void {
    this.written_ms = performance.now();
    this.timer = setInterval(() => void this.flush(), this.flush_ms);
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    await this.flushing;
    await this.flush();
    await this.batches.settled();
  }

  /** A report that is plausible; null: the full path has to take it. */
  async take(product_id: number, report: StatusReport): Promise<StatusReply | null> {
    const reply = this.isTrusted() ? await this.takeQuickly(product_id, report) : null;
    // The full path compares with what is written.
    if (reply === null) await this.writeNow(`${product_id} ${report.instance_id}`);
    return reply;
  }

  private async takeQuickly(product_id: number, report: StatusReport): Promise<StatusReply | null> {
    const product = await this.memory.get(product_id);
    if (product === null || product.needs_sum) return null;
    const now = new Date();
    const instance = product.instances.get(report.instance_id);
    if (!instance || !this.saysTheSame(instance, report, now) || this.isAnyoneNewlySilent(product, now)) return null;
    const turn = this.turnOf(product, report);
    if (turn === null || (turn.term === 0 && this.mayAdopt(product, report, now))) return null;
    const is_idle =
      report.delta.sequence <= instance.delta_sequence &&
      Math.abs(skewOf(report, now) - instance.skew_ms) <= SKEW_NOTICED_MS &&
      gaugesText(report) === instance.gauges;
    let { delta_sequence } = instance;
    if (is_idle) {
      this.heartbeats.set(`${product_id} ${report.instance_id}`, {
        product_id,
        instance_id: report.instance_id,
        boot_id: report.boot_id,
        sequence: report.sequence,
        received_at: now,
      });
    } else {
      const applied = await this.count(product_id, report, now);
      if (applied === null) return null;
      delta_sequence = applied;
    }
    if (turn.role === 'active' && turn.term > 0) {
      const { instance_id, boot_id } = report;
      this.renewals.set(product_id, { product_id, instance_id, boot_id, reported_ms: performance.now() });
    }
    instance.sequence = Math.max(instance.sequence, report.sequence);
    instance.heard_at = now;
    this.deps.hearing.heard(product_id, now.getTime());
    const silence_watches = (await this.deps.silenceWatches?.(product_id)) ?? [];
    return { ...this.reply({ product, report, turn, delta_sequence, now }), silence_watches };
  }

  /** Only while heartbeats get written, and what others commit is heard. */
  private isTrusted(): boolean {
    const patience_ms = this.flush_ms + Math.min(3_000, this.deps.stale_after_ms / 3);
    return this.timer !== null && this.deps.isListening() && performance.now() - this.written_ms < patience_ms;
  }

  private saysTheSame(instance: KnownInstance, report: StatusReport, now: Date): boolean {
    if (report.is_leaving === true || report.delta.events.length > 0) return false;
    if (instance.boot_id !== report.boot_id || report.sequence <= instance.sequence) return false;
    if (instance.stopped_at !== null || this.isSilent(instance, now)) return false;
    const facts = factsText(report);
    if (instance.facts === null) {
      if (canonicalFacts(report) !== instance.canonical) return false;
      instance.facts = facts;
    }
    return instance.facts === facts;
  }

  private isSilent({ heard_at }: KnownInstance, now: Date): boolean {
    return now.getTime() - heard_at.getTime() >= this.deps.stale_after_ms;
  }

  /** Then what the product's status says is no longer the sum: it is read again, in case another orchestrator has heard it. */
  private isAnyoneNewlySilent(product: KnownProduct, now: Date): boolean {
    for (const instance of product.instances.values()) {
      if (instance.was_live && this.isSilent(instance, now)) {
        this.memory.forget(product.product_id);
        return true;
      }
    }
    return false;
  }

  /** null: it may have to pass, which takes the lease itself. */
  private turnOf(product: KnownProduct, report: StatusReport): Turn | null {
    if (!product.takes_turns) return { role: 'active', term: 0, active_instance_id: null };
    const { lease } = product;
    if (lease === null || lease.expires_ms - performance.now() < LEASE_MARGIN_MS) return null;
    if (lease.instance_id !== report.instance_id) {
      return { role: 'standby', term: lease.term, active_instance_id: lease.instance_id };
    }
    if (lease.boot_id !== report.boot_id || cannotReachBroker(report)) return null;
    return { role: 'active', term: lease.term, active_instance_id: null };
  }

  /** Whether this instance would be asked to empty the sessions of one that is gone. */
  private mayAdopt(product: KnownProduct, report: StatusReport, now: Date): boolean {
    const { adopt_after_ms } = this.deps;
    if (adopt_after_ms === 0) return false;
    const instances = [...product.instances.values()];
    const has_orphans = instances.some(
      (one) =>
        one.stopped_at === null &&
        now.getTime() - one.heard_at.getTime() >= adopt_after_ms &&
        (one.report.brokers ?? []).some(({ session }) => session !== null),
    );
    if (!has_orphans) return false;
    const able = instances.filter((one) => one.stopped_at === null && !this.isSilent(one, now) && isUp(one.report));
    const [first] = able.map(({ instance_id }) => instance_id).sort();
    return first === report.instance_id;
  }

  /** Resolves once it is committed, with the delta that is applied; null when it was not taken in. */
  private async count(product_id: number, report: StatusReport, received_at: Date): Promise<number | null> {
    const applied = await this.batches.add({ product_id, report, received_at });
    if (applied === null) return null;
    // What is known now may be another entry than before.
    const known = this.memory.peek(product_id)?.instances.get(report.instance_id);
    if (known?.boot_id === report.boot_id && known.sequence < report.sequence) {
      known.sequence = report.sequence;
      known.delta_sequence = applied.delta_sequence;
      known.gauges = gaugesText(report);
      known.skew_ms = skewOf(report, received_at);
      known.heard_at = received_at;
    }
    return applied.delta_sequence;
  }

  private reply(parts: {
    product: KnownProduct;
    report: StatusReport;
    turn: Turn;
    delta_sequence: number;
    now: Date;
  }): StatusReply {
    const { product, delta_sequence, report, turn, now } = parts;
    const live = [...product.instances.values()].filter((one) => one.stopped_at === null && !this.isSilent(one, now));
    const known_sessions = isUp(report) ? [] : sessionsSeen(product.known_sessions, live);
    const { desired } = this.memory.peek(product.product_id) ?? product;
    return {
      ...turn,
      orphans: [],
      known_sessions: sessionsToTell(known_sessions, { report, takes_turns: turn.term > 0, is_first_report: false }),
      may_leave: false,
      heartbeat_ms: longestHeartbeat(turn, {
        ttl_ms: this.lease.ttl_ms,
        stale_after_ms: this.deps.stale_after_ms,
        live_instances: live.length,
      }),
      desired_revision: desired.revision,
      desired_revision_key: desired.revision_key,
      delta_sequence,
    };
  }

  private async writeNow(key: string): Promise<void> {
    await this.flushing;
    const heartbeat = this.heartbeats.get(key);
    if (heartbeat === undefined) return;
    this.heartbeats.delete(key);
    await writeHeartbeats(this.deps.db, { node_id: this.deps.node_id, heartbeats: [heartbeat] });
  }

  /** Heartbeats and leases of the last second; what can't be written stays for the next turn. */
  private flush(): Promise<void> {
    if (this.flushing) return this.flushing;
    const { heartbeats, renewals } = this;
    this.heartbeats = new Map();
    this.renewals = new Map();
    this.flushing = this.write([...heartbeats.values()], [...renewals.values()])
      .then(() => {
        this.written_ms = performance.now();
      })
      .catch((error: unknown) => {
        for (const [key, beat] of heartbeats) if (!this.heartbeats.has(key)) this.heartbeats.set(key, beat);
        this.deps.logger.warn('heartbeats could not be written; retrying', { heartbeats: heartbeats.size, error });
      })
      .finally(() => {
        this.flushing = null;
        if (performance.now() > this.next_tidy_ms) {
          this.next_tidy_ms = performance.now() + 60_000;
          this.memory.dropUnused();
        }
      });
    return this.flushing;
  }

  private async write(heartbeats: Heartbeat[], renewals: Renewal[]): Promise<void> {
    const { db, node_id } = this.deps;
    if (renewals.length > 0) {
      const expires_ms = await renewLeases(db, { renewals, ttl_ms: this.lease.ttl_ms });
      for (const { product_id, instance_id } of renewals) {
        const lease = this.memory.peek(product_id)?.lease;
        const renewed = expires_ms.get(product_id);
        // Another holds it: whoever asks next finds out who.
        if (renewed === undefined) this.memory.forget(product_id);
        else if (lease?.instance_id === instance_id) lease.expires_ms = Math.max(lease.expires_ms, renewed);
      }
    }
    if (heartbeats.length > 0) {
      const written = await writeHeartbeats(db, { node_id, heartbeats });
      for (const { product_id, instance_id } of heartbeats) {
        // A newer report came by another way, or it is no longer there.
        if (!written.has(`${product_id} ${instance_id}`)) this.memory.forget(product_id);
      }
    } else if (renewals.length === 0) {
      // Whether the database answers decides whether memory may be relied on.
      await db.query({ name: 'fleet-alive', text: 'SELECT 1', values: [] });
    }
  }
}

function skewOf(report: StatusReport, received_at: Date): number {
  return Date.parse(report.reported_at) - received_at.getTime();
}
