import { setTimeout as delay } from 'node:timers/promises';
import { asInstanceId, asProductId, type ControlJob, queueNames, type RecentMessage } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import { JobFailedError, type QueueBackend, QueueUnavailableError } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import { NotFoundError, UnavailableError } from '../../http/app-error';
import { payloadText } from '../../http/payload-text';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import type { RecentMessagesQuery, RecentMessagesView } from './recent-messages.dto';

const ASK_LIMIT_MS = 4_000;
const ASK_EVERY_MS = 500;
const DEFAULT_LIMIT = 10;

interface Answers {
  messages: RecentMessage[];
  asked: number;
  answered: number;
}

/** What a subscription received lately, asked from the listeners themselves: the orchestrator stores no message. */
export class RecentMessagesService {
  constructor(
    private readonly deps: {
      dataSource: DataSource;
      queues: QueueBackend;
      liveInstanceIds(product_id: number): Promise<string[]>;
      logger: Logger;
    },
  ) {}

  /** `signal` ends the waiting, when the browser has gone. */
  async read(
    { product_id, sub_id }: { product_id: number; sub_id: number },
    query: RecentMessagesQuery,
    signal: AbortSignal,
  ): Promise<RecentMessagesView> {
    await this.mustExist(product_id, sub_id);
    const limit = query.limit ?? DEFAULT_LIMIT;
    const ends_at_ms = Date.now() + (query.wait_s ?? 0) * 1000;
    let after = query.after === undefined ? null : new Date(query.after).toISOString();
    let answers = await this.ask(product_id, { subscription_id: sub_id, limit, after });
    if (query.wait_s && after === null) {
      after = answers.messages[0]?.received_at ?? null;
      answers = { ...answers, messages: [] };
    }
    // Asked again and again, so that no listener's worker is held up by somebody who waits.
    while (answers.messages.length === 0 && Date.now() < ends_at_ms && !signal.aborted) {
      await delay(Math.min(ASK_EVERY_MS, ends_at_ms - Date.now()), undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) answers = await this.ask(product_id, { subscription_id: sub_id, limit, after });
    }
    return {
      items: answers.messages.map((message) => ({
        ...message,
        payload_text: payloadText(Buffer.from(message.payload_base64, 'base64')),
      })),
      listeners_asked: answers.asked,
      listeners_answered: answers.answered,
    };
  }

  /** Every live listener: with a shared subscription each has messages of its own. */
  private async ask(
    product_id: number,
    wanted: { subscription_id: number; limit: number; after: string | null },
  ): Promise<Answers> {
    const instances = await this.deps.liveInstanceIds(product_id);
    const answers = await Promise.all(instances.map((instance) => this.askOne(product_id, instance, wanted)));
    const given = answers.filter((answer) => answer !== null);
    if (instances.length > 0 && given.length === 0) {
      throw new UnavailableError('No listener of the product has answered; is the queue reachable for it?');
    }
    return {
      messages: given
        .flat()
        .sort((a, b) => Date.parse(b.received_at) - Date.parse(a.received_at))
        .slice(0, wanted.limit),
      asked: instances.length,
      answered: given.length,
    };
  }

  private async askOne(
    product_id: number,
    instance: string,
    wanted: { subscription_id: number; limit: number; after: string | null },
  ): Promise<RecentMessage[] | null> {
    const id = asProductId(product_id);
    try {
      return (await this.deps.queues.queue<ControlJob>(queueNames.control(id, asInstanceId(instance))).runAndWait(
        'recent-messages',
        { product_id: id, ...wanted },
        // The answer holds messages: it must not stay in the queue.
        { timeout_ms: ASK_LIMIT_MS, result: 'remove' },
      )) as RecentMessage[];
    } catch (error) {
      if (!(error instanceof QueueUnavailableError || error instanceof JobFailedError)) throw error;
      this.deps.logger.warn('a listener did not return its recent messages', { product_id, instance, error });
      return null;
    }
  }

  private async mustExist(product_id: number, sub_id: number): Promise<void> {
    const { manager } = this.deps.dataSource;
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    if (!config) throw new NotFoundError(`There is no product ${product_id}.`);
    const exists = await manager.existsBy(SubscriptionEntity, { id: sub_id, mqtt_config_id: config.id });
    if (!exists) throw new NotFoundError(`Product ${product_id} has no subscription ${sub_id}.`);
  }
}
