import { randomUUID } from 'node:crypto';
import { dryRun } from '@cortex-mqtt/actions';
import { asProductId, type DeliveryJobData, type ListenerSubscription } from '@cortex-mqtt/contracts';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import { identityOf, type LateOutcome } from '@cortex-mqtt/messages';
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
import type { ReplayCalls } from './replay-calls';
import { newIdentity } from './replay-identity';
import { wantedSubscriptions } from './replay-pairs';
import { ReplayPace } from './replay-pace';
import { faultOf } from './replay-previews';
import type { ReplayProgress } from './replay-progress';
import type { ReplayReader } from './replay-reader';
import { sampleOf, webhookSubscription } from './replay-sample';

/** Another orchestrator carries a replay on after so much silence. */
const LEASE_S = 10;
/** Behind everything that has no priority: what is live comes first. */
const PRIORITY = 100;
/** Queued and not ended at most: seconds of the rate, and at least so many. */
const AHEAD_S = 2;
const AHEAD_MIN = 100;
/** Deliveries whose end nobody has told for this long are looked up in the queue. */
const SILENT_MS = 15_000;
const LOOKED_UP = 100;
const MAX_BATCH = 500;
/** Calls of another webhook at once. */
const MAX_CALLS = 50;

export interface ReplayRunnerDeps {
  dataSource: DataSource;
  queues: QueueBackend;
  replays: ReplayService;
  reader: ReplayReader;
  progress: ReplayProgress;
  engine: ExpressionEngine;
  calls: ReplayCalls;
  /** Keeps outcomes of messages of a product. */
  noteOutcomes(product_id: number, outcomes: readonly LateOutcome[]): Promise<void>;
  logger: Logger;
}

/**
 * Carries replays out: reads the selection, oldest first, and queues deliveries at the rate asked for, never far ahead of
 * what ends. The position is written after the queue has taken a batch; a batch that is queued twice has the same job ids.
 */
export class ReplayRunner {
  private readonly owner = randomUUID();
  private readonly pace = new ReplayPace();

  constructor(private readonly deps: ReplayRunnerDeps) {}

  /** One turn for every running replay that nobody else is at. */
  async turn(): Promise<void> {
    await Promise.all(
      (await this.claim()).map(async (replay) => {
        try {
          await this.advance(replay);
        } catch (error) {
          // The queue or the archive is away: the next turn retries from where it is.
          this.deps.logger.warn('a replay is held up', { replay_id: replay.id, product_id: replay.product_id, error });
        }
      }),
    );
  }

  stop(): Promise<void> {
    return this.deps.calls.stop();
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
    if (replay.target.url !== undefined) {
      await this.callSome(replay, replay.target.url);
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
    const share = Math.min(this.pace.turn(replay), ahead, MAX_BATCH);
    if (share < 1) return;
    const subscriptions = await replays.subscriptionsOf(replay);
    const batch: { message: StoredMessage; subscription: ListenerSubscription }[] = [];
    let position_id = replay.position_id;
    let is_read = true;
    for await (const message of reader.after(replay, replay.position_id)) {
      if (batch.length >= Math.floor(share) || !this.pace.isDue(replay, message.received_at)) {
        is_read = false;
        break;
      }
      for (const subscription of wantedSubscriptions(message, replay, subscriptions)) {
        batch.push({ message, subscription });
      }
      position_id = message.id;
    }
    const entries = await Promise.all(batch.map((pair, index) => this.entryOf(replay, pair, index)));
    await createDeliveryJournal({ backend: this.deps.queues, product_id: targetOf(replay) }).write(entries);
    this.pace.used(replay.id, batch.length);
    await this.deps.dataSource.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO replay_deliveries (replay_id, message_id, subscription_id)
         SELECT $1, * FROM unnest($2::text[], $3::int[]) ON CONFLICT DO NOTHING`,
        [replay.id, batch.map(({ message }) => message.id), batch.map(({ subscription }) => subscription.id)],
      );
      await manager.update(ReplayEntity, { id: replay.id, lease_owner: this.owner }, { position_id, is_read });
    });
  }

  /** Another webhook is called from here. What a crash leaves open is called again, under the same ids. */
  private async callSome(replay: ReplayEntity, url: string): Promise<void> {
    const share = Math.min(this.pace.turn(replay), MAX_CALLS);
    if (share < 1) return;
    const messages: StoredMessage[] = [];
    let position_id = replay.position_id;
    let is_read = true;
    for await (const message of this.deps.reader.after(replay, replay.position_id)) {
      if (messages.length >= Math.floor(share) || !this.pace.isDue(replay, message.received_at)) {
        is_read = false;
        break;
      }
      if (wantedSubscriptions(message, replay, [webhookSubscription(url)]).length > 0) messages.push(message);
      else if (messages.length === 0) position_id = message.id;
    }
    const outcomes = await this.deps.calls.call(replay, messages);
    this.pace.used(replay.id, messages.length);
    position_id = outcomes.at(-1)?.message.id ?? position_id;
    is_read &&= outcomes.length === messages.length;
    const rows = outcomes.map(({ message, outcome, error }) => ({ id: message.id, outcome, error }));
    await this.note(replay, rows, { position_id, is_read });
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
      ordering: await this.orderingOf(replay, subscription, message, index),
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
    const settled = await Promise.all(
      silent.map(async (delivery) => {
        const found = await store.getDelivery(jobIdOf(replay.id, delivery));
        const outcome = found === null ? 'succeeded' : found.state === 'dead' ? 'dead' : 'waiting';
        return { ...delivery, outcome, error: found?.state === 'dead' ? found.error : null } as const;
      }),
    );
    if (replay.target.product_id === undefined) {
      const over = settled.filter(({ outcome }) => outcome !== 'waiting');
      await this.deps.noteOutcomes(
        replay.product_id,
        over.map((delivery) => ({
          ...delivery,
          ...{ at_ms: Date.now(), replay_id: replay.id, attempts: [], queue_id: jobIdOf(replay.id, delivery) },
        })),
      );
    }
    await progress.settle(replay.id, settled);
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
      const error = faultOf(result);
      rows.push({ id: message.id, outcome: error === null ? 'succeeded' : 'failed', error });
    }
    await this.note(replay, rows, { position_id, is_read, filtered });
  }

  /** Outcomes of what ends here, and how far it is. */
  private async note(
    replay: ReplayEntity,
    rows: readonly { id: string; outcome: string; error: string | null }[],
    state: { position_id: string; is_read: boolean; filtered?: number },
  ): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO replay_deliveries (replay_id, message_id, subscription_id, outcome, error)
         SELECT $1, id, 0, outcome, error FROM unnest($2::text[], $3::text[], $4::text[]) AS n (id, outcome, error)
         ON CONFLICT DO NOTHING`,
        [replay.id, rows.map(({ id }) => id), rows.map(({ outcome }) => outcome), rows.map(({ error }) => error)],
      );
      await manager.update(ReplayEntity, { id: replay.id, lease_owner: this.owner }, state);
    });
    if (state.is_read) await this.finish(replay);
  }

  /** By the key that it would have had when it came. One that can't be worked out is found out by the listener, too. */
  private async orderingOf(
    { product_id }: ReplayEntity,
    subscription: ListenerSubscription,
    message: StoredMessage,
    index: number,
  ): Promise<DeliveryJobData['ordering']> {
    const { ordering } = subscription;
    if (ordering === 'none') return null;
    const sequence = message.received_at.getTime() * 1_000 + index;
    if (ordering === 'topic') return { key: message.topic, sequence };
    const result = await dryRun({ ...subscription, filter: null, message_key: null, actions: [] }, sampleOf(message), {
      ...{ product_id, engine: this.deps.engine, secretsKnown: null },
    });
    const key = result.ordering_key;
    if (key === null || !key.ok) return { key: message.topic, sequence };
    return { key: typeof key.value === 'string' ? key.value : JSON.stringify(key.value), sequence };
  }

  private async finish({ id }: ReplayEntity): Promise<void> {
    this.pace.forget(id);
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
