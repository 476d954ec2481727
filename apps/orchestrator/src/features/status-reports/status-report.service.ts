import type { SilenceWatch, StatusReply, StatusReport } from '@cortex-mqtt/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import { ListenerInstanceEntity } from '../../model/listener-instance.entity';
import { isLive, isUp } from '../../model/liveness';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { addToBuckets } from '../metrics/metric-buckets';
import { Hearing } from '../replicas/hearing';
import { sessionsAfter, sessionsSeen, sessionsToTell } from '../replicas/known-sessions';
import { closeAdopted, orphansFor } from '../replicas/orphaned-sessions';
import {
  currentTurn,
  DEFAULT_LEASE_TIMING,
  type LeaseTiming,
  longestHeartbeat,
  takeTurn,
} from '../replicas/product-lease';
import { addEvents, addSubscriptionCounters, auditEvents } from './report-delta';
import { withKnownCounters } from './report-figures';
import { sumUp } from './sum-up';

/** Longest time an instance that is gone is remembered, milliseconds. */
const FORGET_AFTER_MS = 24 * 3600_000;
/** Any constant will do, as long as every orchestrator uses the same. */
const SWEEP_LOCK = 0x73746c65;

export interface StatusReportDeps {
  dataSource: DataSource;
  /** Milliseconds without a heartbeat after which an instance counts as stale. */
  stale_after_ms: number;
  /** Milliseconds of silence after which another member of a shared group empties the session of one; 0 = never. */
  adopt_after_ms?: number;
  /** What the listeners of a product watch for silence; with what was heard last for one that has just started. */
  silenceWatches?(
    manager: EntityManager,
    product_id: number,
    options: { is_first_report: boolean },
  ): Promise<SilenceWatch[]>;
  /** For tests. */
  lease?: Partial<LeaseTiming>;
  hearing?: Hearing;
  /** Identifies this orchestrator in notifications. */
  node_id?: string;
  /** After each commit of a report: what is remembered of the product may no longer be true. */
  onTaken?(product_id: number): void;
}

/** Takes in what listeners report. */
export class StatusReportService {
  private readonly lease: LeaseTiming;
  private readonly hearing: Hearing;
  private readonly node_id: string;

  constructor(private readonly deps: StatusReportDeps) {
    this.lease = { ...DEFAULT_LEASE_TIMING, ...deps.lease };
    this.node_id = deps.node_id ?? 'alone';
    this.hearing = deps.hearing ?? new Hearing(deps.stale_after_ms);
  }

  /**
   * Applies one report. State is taken from the newest sequence of the newest boot; each delta counts once, however
   * often and in whatever order reports arrive.
   */
  async ingest(product_id: number, report: StatusReport): Promise<StatusReply> {
    try {
      return await this.takeIn(product_id, report);
    } finally {
      // Also after a failure: whether it was committed may be unknown.
      this.deps.onTaken?.(product_id);
    }
  }

  private takeIn(product_id: number, received: StatusReport): Promise<StatusReply> {
    return this.deps.dataSource.transaction(async (manager) => {
      const status = await lockStatus(manager, product_id);
      const now = new Date();
      const others = await manager.findBy(ListenerInstanceEntity, { product_id });
      const known = others.find(({ instance_id }) => instance_id === received.instance_id) ?? null;
      const config = await manager.findOneByOrFail(MqttConfigEntity, { product_id });
      const report = withKnownCounters(received, known?.boot_id === received.boot_id ? known.report : null);
      if (known && isOlderBoot(report, known.report)) {
        return {
          ...(await currentTurn(manager, product_id)),
          desired_revision: config.revision,
          desired_revision_key: config.revision_key,
          delta_sequence: report.delta.sequence,
          may_leave: false,
          heartbeat_ms: null,
        };
      }
      status.known_sessions = sessionsSeen(
        status.known_sessions,
        others
          .filter(({ stopped_at }) => stopped_at === null)
          .map((one) => ({ report: one.report, heard_at: one.last_heartbeat_at })),
      );
      const same_boot = known?.boot_id === report.boot_id;
      const applied_delta = same_boot ? known.delta_sequence : 0;
      const fresh_delta = report.delta.sequence > applied_delta;
      if (fresh_delta) {
        await addSubscriptionCounters(manager, config.id, report);
        await addEvents(manager, product_id, report);
        await auditEvents(manager, product_id, report);
        const emptied = await closeAdopted(manager, {
          product_id,
          report,
          silent_for_ms: this.deps.stale_after_ms,
        });
        // Their owners would miss nothing.
        status.known_sessions = status.known_sessions.filter(({ client_id }) => !emptied.includes(client_id));
      }
      const newest = !same_boot || report.sequence > known.sequence;
      if (newest && status.connected && !(same_boot && isSameConnection(report, known.report))) {
        await this.endAfterSilence(manager, status, config, now);
      }
      const known_sessions = status.known_sessions;
      if (newest) {
        status.known_sessions = sessionsAfter(known_sessions, report, now);
        const previous = same_boot ? known.report : null;
        await addToBuckets(manager, { product_id, now, report, previous });
        status.messages_received += Math.max(
          0,
          report.counters.messages_received - (previous?.counters.messages_received ?? 0),
        );
        await manager.upsert(
          ListenerInstanceEntity,
          {
            product_id,
            instance_id: report.instance_id,
            boot_id: report.boot_id,
            sequence: report.sequence,
            delta_sequence: fresh_delta ? report.delta.sequence : applied_delta,
            report: { ...report, delta: { sequence: report.delta.sequence, subscriptions: [], events: [] } } as never,
            last_heartbeat_at: now,
            received_at: now,
            stopped_at: report.state === 'stopped' ? now : null,
          },
          ['product_id', 'instance_id'],
        );
      } else if (fresh_delta && known) {
        await manager.update(ListenerInstanceEntity, { id: known.id }, { delta_sequence: report.delta.sequence });
      }
      const live = await sumUp(manager, status, {
        node_id: this.node_id,
        desired: config,
        now,
        stale_after_ms: this.deps.stale_after_ms,
        when_down: 'offline',
      });
      const turn = newest
        ? await takeTurn(manager, config, report, this.lease)
        : await currentTurn(manager, product_id);
      const adopt_after_ms = this.deps.adopt_after_ms ?? 0;
      const heard_for_ms = this.hearing.heard(product_id, now.getTime());
      const shares_load = newest && turn.term === 0;
      return {
        ...turn,
        orphans: shares_load
          ? await orphansFor(manager, { product_id, report, live, now, heard_for_ms, adopt_after_ms })
          : [],
        known_sessions: sessionsToTell(known_sessions, {
          report,
          takes_turns: turn.term > 0,
          is_first_report: !same_boot,
        }),
        silence_watches: (await this.deps.silenceWatches?.(manager, product_id, { is_first_report: !same_boot })) ?? [],
        may_leave: report.is_leaving === true && live.some((instance) => stays(instance, report)),
        heartbeat_ms: longestHeartbeat(turn, {
          ttl_ms: this.lease.ttl_ms,
          stale_after_ms: this.deps.stale_after_ms,
          live_instances: live.length,
        }),
        desired_revision: config.revision,
        desired_revision_key: config.revision_key,
        delta_sequence: fresh_delta ? report.delta.sequence : applied_delta,
      };
    });
  }

  /**
   * Recomputes products whose instances fell silent, and forgets instances long gone. One orchestrator at a time does it, on the
   * clock of the database.
   */
  async sweepStale(): Promise<void> {
    const { dataSource, stale_after_ms } = this.deps;
    const silent = await dataSource.transaction(async (manager) => {
      const [lock] = await manager.query<{ taken: boolean }[]>('SELECT pg_try_advisory_xact_lock($1) AS taken', [
        SWEEP_LOCK,
      ]);
      if (!lock?.taken) return [];
      await manager.query(
        'DELETE FROM listener_instances WHERE last_heartbeat_at < now() - make_interval(secs => $1)',
        [FORGET_AFTER_MS / 1000],
      );
      return manager.query<{ product_id: number }[]>(
        `SELECT s.product_id FROM mqtt_connection_status s
         WHERE s.state NOT IN ('stale', 'no_listener') AND NOT EXISTS (
           SELECT 1 FROM listener_instances i WHERE i.product_id = s.product_id AND i.stopped_at IS NULL
             AND i.last_heartbeat_at >= now() - make_interval(secs => $1))
         ORDER BY s.product_id`,
        [stale_after_ms / 1000],
      );
    });
    for (const { product_id } of silent) {
      await dataSource.transaction(async (manager) => {
        const status = await lockStatus(manager, product_id);
        const config = await manager.findOneByOrFail(MqttConfigEntity, { product_id });
        await sumUp(manager, status, {
          node_id: this.node_id,
          desired: config,
          now: new Date(),
          stale_after_ms: this.deps.stale_after_ms,
          when_down: 'heartbeat_lost',
        });
      });
      this.deps.onTaken?.(product_id);
    }
  }

  /**
   * Nobody has reported for longer than allowed, because no orchestrator ran: what was connected then is not proven to have
   * been meanwhile. The sweep would have found it; the first report after the start may come before that.
   */
  private async endAfterSilence(
    manager: EntityManager,
    status: ConnectionStatusEntity,
    config: MqttConfigEntity,
    now: Date,
  ): Promise<void> {
    const instances = await manager.findBy(ListenerInstanceEntity, { product_id: status.product_id });
    if (instances.some((instance) => isLive(instance, now, this.deps.stale_after_ms))) return;
    await sumUp(manager, status, {
      node_id: this.node_id,
      desired: config,
      now,
      stale_after_ms: this.deps.stale_after_ms,
      when_down: 'heartbeat_lost',
    });
  }
}

/** Another instance that is connected and not on its way out. Reports follow one another, so the last one to ask is refused. */
function stays({ instance_id, report }: ListenerInstanceEntity, leaving: StatusReport): boolean {
  return instance_id !== leaving.instance_id && isUp(report) && report.is_leaving !== true;
}

/** The connection of the report before is there still, so it was all the time. */
function isSameConnection(report: StatusReport, before: StatusReport): boolean {
  return isUp(report) && isUp(before) && report.connected_at === before.connected_at;
}

/** Reports of one product follow one another on this row. */
async function lockStatus(manager: EntityManager, product_id: number): Promise<ConnectionStatusEntity> {
  const status = await manager.findOne(ConnectionStatusEntity, {
    where: { product_id },
    lock: { mode: 'pessimistic_write' },
  });
  if (!status) throw new NotFoundError(`There is no product ${product_id}.`);
  return status;
}

/** A late report of a boot that another has replaced: the process started earlier. */
function isOlderBoot(report: StatusReport, known: StatusReport): boolean {
  return report.boot_id !== known.boot_id && Date.parse(report.started_at) < Date.parse(known.started_at);
}
