import { checkExpression, type ExpressionEngine } from '@cortex-mqtt/expressions';
import { type Outcome, receivedAtOf, timeKey } from '@cortex-mqtt/messages';
import { topicFilterFaults } from '@cortex-mqtt/mqtt';
import { type DataSource, In } from 'typeorm';
import { ForbiddenError, NotFoundError, ValidationError } from '../../http/app-error';
import type { UserPrincipal } from '../../http/principal';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import type { Actor } from '../audit/audit-trail';
import type {
  ArchiveUsageView,
  MessageDetailView,
  MessageFilterQuery,
  MessageQuery,
  MessagesView,
} from './message.dto';
import { presentDetail, presentGap, presentMessage, type Reading } from './message.presenter';
import type { MessageScan, ScanBudget } from './message-scan';
import { type MessageWish, messageTest } from './message-test';
import type { ReadAudit } from './read-audit';
import { SearchTurns } from './search-turns';
import type { MessageStore, SegmentFilter } from './store/message-store';
import type { StoredMessage } from './stored-message';

const DEFAULT_LIMIT = 50;
/** A search that takes longer, or more, pauses and answers what it has. */
const BUDGET: ScanBudget = { limit_ms: 2_000, limit_bytes: 64 * 1024 * 1024 };

export interface MessageServiceDeps {
  dataSource: DataSource;
  store: MessageStore;
  scan: MessageScan;
  engine: ExpressionEngine;
  audit: ReadAudit;
  budget?: ScanBudget;
}

/** Who asks. */
export interface Reader {
  principal: UserPrincipal;
  actor: Actor;
}

/** Finds recorded messages. */
export class MessageService {
  private readonly turns = new SearchTurns();

  constructor(private readonly deps: MessageServiceDeps) {}

  async search(product_id: number, query: MessageQuery, reader: Reader, signal: AbortSignal): Promise<MessagesView> {
    const { store, scan } = this.deps;
    await this.mustExist(product_id);
    this.check(query, reader);
    const limit = query.limit ?? DEFAULT_LIMIT;
    const filter = segmentFilter(query);
    await this.audited(product_id, query, reader);
    const result = await this.turns.take(() =>
      scan.newest({
        product_id,
        filter,
        test: messageTest(query, { product_id, engine: this.deps.engine }),
        limit,
        budget: this.deps.budget ?? BUDGET,
        signal,
      }),
    );
    const { messages, reached_id } = result;
    const scanned_until = reached_id === null ? (filter.from_id ?? null) : reached_id;
    const gaps = await store.gaps(
      product_id,
      scanned_until === null ? null : new Date(receivedAtOf(scanned_until)),
      filter.before_id === null ? null : new Date(receivedAtOf(filter.before_id)),
    );
    const reading = await this.reading(messages, reader);
    return {
      items: messages.map((message) => presentMessage(message, reading)),
      next_cursor: reached_id,
      scanned_until: scanned_until === null ? null : new Date(receivedAtOf(scanned_until)).toISOString(),
      complete: reached_id === null || messages.length >= limit,
      gaps: gaps.map(presentGap),
    };
  }

  async read(product_id: number, message_id: string, reader: Reader): Promise<MessageDetailView> {
    await this.mustExist(product_id);
    const message = await this.deps.scan.one(product_id, message_id);
    if (!message) {
      throw new NotFoundError(`Product ${product_id} has no message ${message_id}; it may be older than what is kept.`);
    }
    const may_read = reader.principal.may_read_payloads;
    if (may_read) await this.deps.audit.record(reader.actor, product_id, { message_id });
    return presentDetail(message, { mayReadPayloads: may_read, names: await this.names([message]) });
  }

  async usage(product_id: number): Promise<ArchiveUsageView> {
    const config = await this.mustExist(product_id);
    const usage = await this.deps.store.usage(product_id);
    return {
      enabled: config.archive.enabled,
      stored_bytes: usage.stored_bytes,
      messages: usage.messages,
      oldest_at: usage.oldest_at?.toISOString() ?? null,
      newest_at: usage.newest_at?.toISOString() ?? null,
    };
  }

  /** @throws {ValidationError} or {ForbiddenError} for what can't be asked, or not by this reader. */
  check(wish: MessageWish, { principal }: Reader): void {
    if ((wish.text !== undefined || wish.where !== undefined) && !principal.may_read_payloads) {
      throw new ForbiddenError('Searching in payloads takes a grant that includes what messages carry.');
    }
    const faults = wishFaults(wish);
    if (faults.length > 0) throw new ValidationError(faults);
  }

  async audited(
    product_id: number,
    query: MessageFilterQuery & { cursor?: string; limit?: number },
    { principal, actor }: Reader,
  ): Promise<void> {
    if (!principal.may_read_payloads) return;
    const { cursor, limit, ...question } = query;
    await this.deps.audit.record(actor, product_id, { ...question });
  }

  /** What this reader may see of these messages. */
  async reading(messages: readonly StoredMessage[], { principal }: Reader): Promise<Reading> {
    return { mayReadPayloads: principal.may_read_payloads, names: await this.names(messages) };
  }

  private async names(messages: readonly StoredMessage[]): Promise<Map<number, string>> {
    const ids = new Set(messages.flatMap(({ deliveries }) => deliveries.map(({ subscription_id }) => subscription_id)));
    if (ids.size === 0) return new Map();
    const subscriptions = await this.deps.dataSource.manager.find(SubscriptionEntity, {
      where: { id: In([...ids]) },
      select: { id: true, name: true },
    });
    return new Map(subscriptions.map(({ id, name }) => [id, name]));
  }

  async mustExist(product_id: number): Promise<MqttConfigEntity> {
    const config = await this.deps.dataSource.manager.findOneBy(MqttConfigEntity, { product_id });
    if (!config) throw new NotFoundError(`There is no product ${product_id}.`);
    return config;
  }
}

export function wishFaults({ topic, where }: MessageWish): { field: string; message: string }[] {
  const faults = topic === undefined ? [] : topicFilterFaults(topic).map((message) => ({ field: 'topic', message }));
  if (where !== undefined) {
    const checked = checkExpression(where);
    if (!checked.ok) faults.push({ field: 'where', message: checked.fault.message });
  }
  return faults;
}

export function segmentFilter(query: MessageQuery): SegmentFilter {
  const to_id = query.to === undefined ? null : timeKey(Date.parse(query.to));
  const { cursor } = query;
  return {
    from_id: query.from === undefined ? null : timeKey(Date.parse(query.from)),
    before_id: cursor !== undefined && (to_id === null || cursor < to_id) ? cursor : to_id,
    topic_filter: query.topic ?? null,
    subscription_id: query.subscription_id ?? null,
    outcomes: (query.outcome as Outcome[] | undefined) ?? null,
  };
}
