import { createHash, randomUUID } from 'node:crypto';
import { dryRun } from '@cortex-mqtt/actions';
import { asProductId, type DeliveryJobData, type ListenerSubscription } from '@cortex-mqtt/contracts';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import { identityOf } from '@cortex-mqtt/messages';
import type { Logger } from '@cortex-mqtt/observability';
import {
  createDeliveryJournal,
  createDeliveryStore,
  type JournalEntry,
  type QueueBackend,
  storePayload,
} from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import type { StoredMessage } from '../messages/stored-message';
import { ReplayEntity } from './replay.entity';
import type { ReplayService } from './replay.service';
import { wantedSubscriptions } from './replay-pairs';
import type { ReplayProgress } from './replay-progress';
import type { ReplayReader } from './replay-reader';

/** Another orchestrator carries a replay on after so much silence. */
const LEASE_S = 10;
/** Behind everything that has no priority: what is live comes first. */
const PRIORITY = 100;
/** Queued and not ended at most: seconds of the rate, and at least so many. */
const AHEAD_S = 2;
const AHEAD_MIN = 100;
/** Deliveries whose end nobody has told for so long are looked up in the queue. */
const SILENT_MS = 15_000;
const LOOKED_UP = 100;
const MAX_BATCH = 500;

export interface ReplayRunnerDeps {
  dataSource: DataSource;
  queues: QueueBackend;
  replays: ReplayService;
  reader: ReplayReader;
  progress: ReplayProgress;
  engine: ExpressionEngine;
  logger: Logger;
}

/**
 * Carries replays out: reads the selection, oldest first, and queues deliveries at the rate asked for, never far ahead of
 * what ends. The position is written after the queue has taken a batch; a batch that is queued twice has the same job ids.
 */
export class ReplayRunner {
  private readonly owner = randomUUID();
  /** When each replay was last given something, and what is left of its share. */
  private readonly shares = new Map<string, { at_ms: number; left: number }>();

  constructor(private readonly deps: ReplayRunnerDeps) {}

  /** One turn for every running replay that nobody else is at. */
  async turn(): Promise<void> {
    for (const replay of await this.claim()) {
      try {
        await this.advance(replay);
      } catch (error) {
        // The queue or the archive is away: the next turn tries again from where it is.
        this.deps.logger.warn('a replay is held up', { replay_id: replay.id, product_id: replay.product_id, error });
      }
    }
  }

  private async claim(): Promise<ReplayEntity[]> {
    const { dataSource } = this.deps;
    const [rows] = (await dataSource.query(
      `UPDATE replays SET lease_owner = $1, lease_until = now() + make_interval(secs => ${LEASE_S})
       WHERE state = 'running' AND (lease_owner = $1 OR lease_until IS NULL OR lease_until < now()) RETURNING id`,
      [this.owner],
    )) as [{ id: string }[], number];
    const replays = await Promise.all(rows.map(({ id }) => dataSource.manager.findOneBy(ReplayEntity, { id })));
    return replays.filter((replay) => replay !== null);
  }

  private async advance(replay: ReplayEntity): Promise<void> {
    if (replay.target.draft !== undefined) {
      await this.judge(replay);
      return;
    }
    if (!replay.is_read) await this.queueSome(replay);
    await this.lookUp(replay);
    const { progress } = this.deps;
    const now = await this.deps.dataSource.manager.findOneBy(ReplayEntity, { id: replay.id });
    if (now?.is_read && now.state === 'running' && (await progress.countOpen(replay.id)) === 0)
      await this.finish(replay);
  }

  private async queueSome(replay: ReplayEntity): Promise<void> {
    const { progress, reader, replays } = this.deps;
    const open = await progress.countOpen(replay.id);
    const ahead = Math.max(AHEAD_MIN, replay.rate_per_s * AHEAD_S) - open;
    const share = Math.min(this.shareOf(replay), ahead, MAX_BATCH);
    if (share < 1) return;
    const subscriptions = await replays.subscriptionsOf(replay);
    const isOwn = replay.target.product_id === undefined;
    const batch: { message: StoredMessage; subscription: ListenerSubscription }[] = [];
    let position_id = replay.position_id;
    let is_read = true;
    for await (const message of reader.after(replay, replay.position_id)) {
      if (batch.length >= Math.floor(share)) {
        is_read = false;
        break;
      }
      for (const subscription of wantedSubscriptions(message, { only: replay.only, subscriptions, isOwn })) {
        batch.push({ message, subscription });
      }
      position_id = message.id;
    }
    const entries = await Promise.all(batch.map((pair, index) => this.entryOf(replay, pair, index)));
    await createDeliveryJournal({ backend: this.deps.queues, product_id: targetOf(replay) }).write(entries);
    const used = this.shares.get(replay.id);
    if (used) used.left -= batch.length;
    await this.deps.dataSource.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO replay_deliveries (replay_id, message_id, subscription_id)
         SELECT $1, * FROM unnest($2::text[], $3::int[]) ON CONFLICT DO NOTHING`,
        [replay.id, batch.map(({ message }) => message.id), batch.map(({ subscription }) => subscription.id)],
      );
      await manager.update(ReplayEntity, { id: replay.id, lease_owner: this.owner }, { position_id, is_read });
    });
  }

  /** Deliveries that may be queued now: what the rate has let come together since the last turn. */
  private shareOf({ id, rate_per_s }: ReplayEntity): number {
    const now_ms = Date.now();
    const share = this.shares.get(id) ?? { at_ms: now_ms - 250, left: 0 };
    // Of a pause nothing is made up for.
    const since_ms = Math.min(now_ms - share.at_ms, 2_000);
    const left = Math.min(share.left + (since_ms / 1_000) * rate_per_s, Math.max(1, rate_per_s * 2));
    this.shares.set(id, { at_ms: now_ms, left });
    return left;
  }

  private async entryOf(
    replay: ReplayEntity,
    { message, subscription }: { message: StoredMessage; subscription: ListenerSubscription },
    index: number,
  ): Promise<JournalEntry> {
    const original = identityOf(message);
    const message_id = replay.ids === 'original' ? original : newIdentity(original, replay.id);
    const received_at = message.received_at.toISOString();
    const { properties } = message;
    const data: DeliveryJobData = {
      delivery_id: `${message_id}-${subscription.id}`,
      product_id: targetOf(replay),
      subscription_id: subscription.id,
      message: {
        message_id,
        topic: message.topic,
        ...storePayload(message.payload),
        qos: message.qos,
        retain: message.retain,
        duplicate: message.duplicate,
        user_properties: properties?.user_properties ?? {},
        content_type: properties?.content_type ?? null,
        received_at,
        response_topic: properties?.response_topic ?? null,
        correlation_data_base64: properties?.correlation_data?.toString('base64') ?? null,
        message_expiry_s: properties?.message_expiry_s ?? null,
        payload_is_utf8: properties?.payload_is_utf8 ?? false,
        broker: message.broker || null,
        record_id: message.id,
      },
      succeeded_actions: [],
      failed_actions: [],
      revision: 0,
      attempts_made: {},
      attempts: [],
      next_try_at: new Date().toISOString(),
      dead_reason: null,
      ordering: orderingOf(subscription, message, index),
      revived_at_ms: Date.now(),
      replay: { id: replay.id, received_at: new Date().toISOString(), ids: replay.ids },
    };
    return {
      job_id: jobIdOf(replay.id, { message_id: message.id, subscription_id: subscription.id }),
      data,
      delay_ms: 0,
      priority: PRIORITY,
    };
  }

  /** What nobody has told the end of, as after a crash of a listener, is told by the queue. */
  private async lookUp(replay: ReplayEntity): Promise<void> {
    const { progress, queues } = this.deps;
    const silent = await progress.open(replay.id, SILENT_MS, LOOKED_UP);
    if (silent.length === 0) return;
    const store = createDeliveryStore({ backend: queues, product_id: targetOf(replay) });
    await progress.settle(
      replay.id,
      await Promise.all(
        silent.map(async (delivery) => {
          const found = await store.getDelivery(jobIdOf(replay.id, delivery));
          const outcome = found === null ? 'succeeded' : found.state === 'dead' ? 'dead' : 'waiting';
          return { ...delivery, outcome, error: found?.state === 'dead' ? found.error : null } as const;
        }),
      ),
    );
  }

  /** A draft is judged message by message, and nothing is sent. */
  private async judge(replay: ReplayEntity): Promise<void> {
    const [draft] = await this.deps.replays.subscriptionsOf(replay);
    if (draft === undefined) return;
    const until_ms = Date.now() + 2_000;
    let { position_id, filtered } = replay;
    let is_read = true;
    const rows: { id: string; outcome: string; error: string | null }[] = [];
    for await (const message of this.deps.reader.after(replay, replay.position_id)) {
      if (Date.now() > until_ms || rows.length >= MAX_BATCH) {
        is_read = false;
        break;
      }
      position_id = message.id;
      const result = await dryRun(draft, sampleOf(message), {
        product_id: replay.product_id,
        engine: this.deps.engine,
        secretsKnown: null,
      });
      if (!result.matched) continue;
      if (result.filter?.ok && !result.filter.value) {
        filtered += 1;
        continue;
      }
      const faults = [result.decode, result.filter, ...result.actions.map(({ request }) => request)];
      const fault = faults.find((step) => step?.ok === false);
      rows.push({
        id: message.id,
        outcome: fault ? 'failed' : 'succeeded',
        error: fault?.ok === false ? fault.fault.message : null,
      });
    }
    await this.deps.dataSource.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO replay_deliveries (replay_id, message_id, subscription_id, outcome, error)
         SELECT $1, id, 0, outcome, error FROM unnest($2::text[], $3::text[], $4::text[]) AS n (id, outcome, error)
         ON CONFLICT DO NOTHING`,
        [replay.id, rows.map(({ id }) => id), rows.map(({ outcome }) => outcome), rows.map(({ error }) => error)],
      );
      await manager.update(
        ReplayEntity,
        { id: replay.id, lease_owner: this.owner },
        { position_id, is_read, filtered },
      );
    });
    if (is_read) await this.finish(replay);
  }

  private async finish({ id }: ReplayEntity): Promise<void> {
    this.shares.delete(id);
    await this.deps.dataSource.manager.update(
      ReplayEntity,
      { id, state: 'running' },
      { state: 'done', finished_at: new Date() },
    );
  }
}

const targetOf = ({ product_id, target }: ReplayEntity) => asProductId(target.product_id ?? product_id);

/** The same for the same delivery of the same replay. */
const jobIdOf = (replay_id: string, delivery: { message_id: string; subscription_id: number }): string =>
  `r-${replay_id.slice(0, 8)}-${delivery.message_id}-${delivery.subscription_id}`;

/** An identity that destinations have not seen, and that is the same whenever this replay comes to the message. */
export const newIdentity = (original: string, replay_id: string): string =>
  `m_${createHash('sha256').update(`${original}\n${replay_id}`).digest('base64url').slice(0, 32)}`;

/** In the order of receipt; a key that an expression names is that of the topic here. */
function orderingOf(
  { ordering }: ListenerSubscription,
  message: StoredMessage,
  index: number,
): DeliveryJobData['ordering'] {
  if (ordering === 'none') return null;
  return { key: message.topic, sequence: message.received_at.getTime() * 1_000 + index };
}

function sampleOf({ topic, payload, qos, retain, duplicate, properties, received_at, broker }: StoredMessage) {
  return {
    topic,
    payload_base64: payload.toString('base64'),
    qos,
    retain,
    duplicate,
    user_properties: properties?.user_properties ?? {},
    content_type: properties?.content_type ?? null,
    received_at: received_at.toISOString(),
    response_topic: properties?.response_topic ?? null,
    correlation_data_base64: properties?.correlation_data?.toString('base64') ?? null,
    message_expiry_s: properties?.message_expiry_s ?? null,
    broker: broker || null,
  };
}
