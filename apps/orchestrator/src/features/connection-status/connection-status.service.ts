import type { ConnectionEvent, StatusReply, StatusReport } from '@cortex-mqtt/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import { recordAudit } from '../audit/audit-trail';
import { Hearing } from '../replicas/hearing';
import { ListenerInstanceEntity } from '../../model/listener-instance.entity';
import { closeAdopted, orphansFor } from '../replicas/orphaned-sessions';
import {
  currentTurn,
  DEFAULT_LEASE_TIMING,
  type LeaseTiming,
  longestHeartbeat,
  takeTurn,
} from '../replicas/product-lease';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { ConnectionEventEntity, type ProductTransition } from '../connection-history/connection-event.entity';
import { presentConnectionStatus } from './connection-status.presenter';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import type { ConnectionStatusView } from './connection-status.view';
import { sessionsAfter, sessionsToTell } from '../replicas/known-sessions';
import { messageRates } from '../metrics/message-rates';
import { addToBuckets } from '../metrics/metric-buckets';
import { isLive, sumInstances } from '../../model/product-state';

/** Channel of LISTEN/NOTIFY; the payload is the product's id. */
export const STATUS_CHANNEL = 'mqtt_status';
/** Longest time an instance that is gone is remembered, milliseconds. */
const FORGET_AFTER_MS = 24 * 3600_000;

export interface ConnectionStatusDeps {
  dataSource: DataSource;
  /** Milliseconds without a heartbeat after which an instance counts as stale. */
  stale_after_ms: number;
  /** Milliseconds of silence after which another member of a shared group empties the session of one; 0 = never. */
  adopt_after_ms?: number;
  /** For tests. */
  lease?: Partial<LeaseTiming>;
  /** For tests. */
  hearing?: Hearing;
}

/** Takes listeners' reports in, and tells the sum. */
export class ConnectionStatusService {
  private readonly lease: LeaseTiming;
  private readonly hearing: Hearing;

  constructor(private readonly deps: ConnectionStatusDeps) {
    this.lease = { ...DEFAULT_LEASE_TIMING, ...deps.lease };
    this.hearing = deps.hearing ?? new Hearing(deps.stale_after_ms);
  }

  async read(product_id: number): Promise<ConnectionStatusView> {
    const { manager } = this.deps.dataSource;
    const status = await manager.findOneBy(ConnectionStatusEntity, { product_id });
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    const product = await manager.findOneBy(ProductEntity, { id: product_id });
    if (!status || !config || !product) throw new NotFoundError(`There is no product ${product_id}.`);
    const instances = await manager.find(ListenerInstanceEntity, {
      where: { product_id },
      order: { instance_id: 'ASC' },
    });
    const now = new Date();
    return presentConnectionStatus({
      status,
      config,
      enabled: product.enabled,
      instances,
      rates: await messageRates(manager, product_id, now),
      now,
      stale_after_ms: this.deps.stale_after_ms,
    });
  }

  /** Ids of the instances whose heartbeat is fresh. */
  async liveInstanceIds(product_id: number): Promise<string[]> {
    const live = await this.liveInstances(product_id);
    return live.map((instance) => instance.instance_id);
  }

  /** Names of the brokers that each live and connected instance is connected to, by instance id. */
  async brokersInUse(product_id: number): Promise<Map<string, string[]>> {
    const live = await this.liveInstances(product_id);
    const inUse = live.map(({ instance_id, report }) => [instance_id, connectedBrokers(report)] as const);
    return new Map(inUse.filter(([, names]) => names.length > 0));
  }

  private async liveInstances(product_id: number): Promise<ListenerInstanceEntity[]> {
    const instances = await this.deps.dataSource.manager.findBy(ListenerInstanceEntity, { product_id });
    const now = new Date();
    return instances.filter((instance) => isLive(instance, now, this.deps.stale_after_ms));
  }

  /**
   * Applies one report. State is taken from the newest sequence of the newest boot; each delta counts once, however
   * often and in whatever order reports arrive.
   */
  async ingest(product_id: number, report: StatusReport): Promise<StatusReply> {
    return this.deps.dataSource.transaction(async (manager) => {
      const status = await lockStatus(manager, product_id);
      const now = new Date();
      const known = await manager.findOneBy(ListenerInstanceEntity, { product_id, instance_id: report.instance_id });
      const config = await manager.findOneByOrFail(MqttConfigEntity, { product_id });
      if (known && isOlderBoot(report, known.report)) {
        return {
          ...(await currentTurn(manager, product_id)),
          desired_revision: config.revision,
          delta_sequence: report.delta.sequence,
          may_leave: false,
          heartbeat_ms: null,
        };
      }
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
        status.messages_received += report.counters.messages_received - (previous?.counters.messages_received ?? 0);
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
            stopped_at: report.state === 'stopped' ? now : null,
          },
          ['product_id', 'instance_id'],
        );
      } else if (fresh_delta && known) {
        await manager.update(ListenerInstanceEntity, { id: known.id }, { delta_sequence: report.delta.sequence });
      }
      const live = await this.sumUp(manager, status, config, now, 'offline');
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
        may_leave: report.is_leaving === true && live.some((instance) => stays(instance, report)),
        heartbeat_ms: longestHeartbeat(turn, {
          ttl_ms: this.lease.ttl_ms,
          stale_after_ms: this.deps.stale_after_ms,
          live_instances: live.length,
        }),
        desired_revision: config.revision,
        delta_sequence: fresh_delta ? report.delta.sequence : applied_delta,
      };
    });
  }

  /** Recomputes products whose instances fell silent, and forgets instances long gone. */
  async sweepStale(): Promise<void> {
    const { dataSource, stale_after_ms } = this.deps;
    const silent = await dataSource.query<{ product_id: number }[]>(
      `SELECT s.product_id FROM mqtt_connection_status s
       WHERE s.state NOT IN ('stale', 'no_listener') AND NOT EXISTS (
         SELECT 1 FROM listener_instances i WHERE i.product_id = s.product_id AND i.stopped_at IS NULL
           AND i.last_heartbeat_at >= now() - make_interval(secs => $1))`,
      [stale_after_ms / 1000],
    );
    for (const { product_id } of silent) {
      await dataSource.transaction(async (manager) => {
        const status = await lockStatus(manager, product_id);
        const config = await manager.findOneByOrFail(MqttConfigEntity, { product_id });
        await this.sumUp(manager, status, config, new Date(), 'heartbeat_lost');
      });
    }
    await dataSource.query(
      'DELETE FROM listener_instances WHERE last_heartbeat_at < now() - make_interval(secs => $1)',
      [FORGET_AFTER_MS / 1000],
    );
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
    await this.sumUp(manager, status, config, now, 'heartbeat_lost');
  }

  private async sumUp(
    manager: EntityManager,
    status: ConnectionStatusEntity,
    config: MqttConfigEntity,
    now: Date,
    when_down: Exclude<ProductTransition, 'online'>,
  ): Promise<ListenerInstanceEntity[]> {
    const instances = await manager.findBy(ListenerInstanceEntity, { product_id: status.product_id });
    const sum = sumInstances(instances, now, this.deps.stale_after_ms);
    const live = instances.filter((instance) => isLive(instance, now, this.deps.stale_after_ms));
    const reports = live.map((instance) => instance.report);
    const speaker = reports.find((report) => report.state === 'connected' || report.state === 'degraded') ?? reports[0];
    if (status.connected !== sum.connected) {
      await manager.insert(ConnectionEventEntity, {
        product_id: status.product_id,
        instance_id: '',
        at: sum.connected ? now : lastProofOf(instances, when_down, now),
        type: sum.connected ? 'online' : when_down,
        broker: speaker?.broker?.name ?? null,
        detail: (sum.reason === null ? {} : { reason: sum.reason }) as never,
      });
      if (!sum.connected) status.last_disconnected_at = now;
    }
    status.connected = sum.connected;
    status.state = sum.state;
    status.connection_error = sum.reason;
    status.applied_revision = sum.applied_revision;
    status.desired_revision = config.revision;
    status.subscribed_topics_count = Math.max(0, ...reports.map((report) => report.subscribed.granted));
    status.client_id = speaker?.client_id ?? status.client_id;
    if (speaker?.state === 'connected') status.broker_info = speaker.broker_info;
    status.last_connected_at = latest(status.last_connected_at, ...reports.map((report) => report.connected_at));
    status.last_disconnected_at = latest(
      status.last_disconnected_at,
      ...reports.map((report) => report.disconnected_at),
    );
    status.last_message_at = latest(status.last_message_at, ...reports.map((report) => report.last_message_at));
    status.updated_at = now;
    await manager.save(status);
    // Part of the transaction: listeners of the channel hear it only once the row is committed.
    await manager.query('SELECT pg_notify($1, $2)', [STATUS_CHANNEL, String(status.product_id)]);
    return live;
  }
}

function connectedBrokers({ state, broker, brokers }: StatusReport): string[] {
  const isConnected = (of: StatusReport['state']): boolean => of === 'connected' || of === 'degraded';
  // An older listener tells only of the one in use.
  if (brokers === undefined) return broker !== null && isConnected(state) ? [broker.name] : [];
  return brokers.filter((one) => isConnected(one.state)).map(({ name }) => name);
}

/** Another instance that is connected and not on its way out. Reports follow one another, so the last one to ask is refused. */
function stays({ instance_id, report }: ListenerInstanceEntity, leaving: StatusReport): boolean {
  const is_connected = report.state === 'connected' || report.state === 'degraded';
  return instance_id !== leaving.instance_id && is_connected && report.is_leaving !== true;
}

/** The connection of the report before is there still, so it was all the time. */
function isSameConnection(report: StatusReport, before: StatusReport): boolean {
  const isConnected = ({ state }: StatusReport): boolean => state === 'connected' || state === 'degraded';
  return isConnected(report) && isConnected(before) && report.connected_at === before.connected_at;
}

/** A connection whose heartbeat stopped is proven up to its last one only. */
function lastProofOf(instances: ListenerInstanceEntity[], when_down: ProductTransition, now: Date): Date {
  if (when_down !== 'heartbeat_lost' || instances.length === 0) return now;
  return new Date(Math.max(...instances.map((instance) => instance.last_heartbeat_at.getTime())));
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

async function addSubscriptionCounters(manager: EntityManager, config_id: number, report: StatusReport): Promise<void> {
  const items = report.delta.subscriptions;
  if (items.length === 0) return;
  await manager.query(
    `UPDATE mqtt_subscriptions s SET
       messages_received = s.messages_received + d.messages_received,
       actions_executed = s.actions_executed + d.actions_executed,
       actions_failed = s.actions_failed + d.actions_failed,
       last_message_at = greatest(s.last_message_at, d.last_message_at)
     FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[])
       AS d(id, messages_received, actions_executed, actions_failed, last_message_at)
     WHERE s.id = d.id AND s.mqtt_config_id = $1`,
    [
      config_id,
      items.map((item) => item.subscription_id),
      items.map((item) => item.messages_received),
      items.map((item) => item.actions_executed),
      items.map((item) => item.actions_failed),
      items.map((item) => item.last_message_at),
    ],
  );
}

async function addEvents(manager: EntityManager, product_id: number, report: StatusReport): Promise<void> {
  if (report.delta.events.length === 0) return;
  await manager.insert(
    ConnectionEventEntity,
    report.delta.events.map((event) => ({
      product_id,
      instance_id: report.instance_id,
      at: new Date(event.at),
      type: event.type,
      broker: event.broker,
      detail: event.detail as never,
    })),
  );
}

/** What changes how messages come, without anybody having changed a setting. */
const AUDITED = new Set<ConnectionEvent['type']>([
  'failover',
  'failback',
  'session_lost',
  'qos_downgraded',
  'subscription_refused',
  'taken_over',
  'session_adopted',
]);
/** A flapping connection must not fill the audit log by way of one report. */
const MAX_AUDITED = 50;

async function auditEvents(manager: EntityManager, product_id: number, report: StatusReport): Promise<void> {
  const audited = report.delta.events.filter(({ type }) => AUDITED.has(type)).slice(-MAX_AUDITED);
  for (const { type, at, broker, detail } of audited) {
    const is_switch = type === 'failover' || type === 'failback';
    await recordAudit(manager, {
      actor: { kind: 'listener', id: null, name: report.instance_id, ip: null, request_id: null },
      action: `connection.${type}`,
      entity_type: 'connection',
      entity_id: broker,
      product_id,
      before: is_switch ? { broker: detail.from ?? null } : null,
      after: is_switch ? { broker: detail.to ?? null, at } : { ...detail, broker, at },
    });
  }
}

function latest(...times: (Date | string | null)[]): Date | null {
  const known = times.filter((time) => time !== null).map((time) => new Date(time).getTime());
  return known.length === 0 ? null : new Date(Math.max(...known));
}
