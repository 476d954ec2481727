import type { DataSource } from 'typeorm';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ProductEntity } from '../../model/product.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { nearMiss } from './near-miss';
import { resolveSubscriptionTopic, subscribedFilter, topicRepeatsPrefix } from './subscription-topic';
import type { SubscriptionWarningView } from './subscription.view';

type Product = Pick<ProductEntity, 'slug' | 'variables'>;

/** A filter is silent when nothing came for this long, while others of the product have received something lately. */
const SILENT_AFTER_MS = 24 * 3_600_000;
const LATELY_MS = 3_600_000;
/** Status is read often; how a product's topics are set changes seldom. */
const KEPT_FOR_MS = 30_000;
const MOST_NAMED = 20;
/** Topics, the latest first, among which the one is looked for that was meant. */
const COMPARED_TOPICS = 2_000;
const SHOWN_TOPIC = 200;

/** A topic that stands below its own prefix: nothing will ever be published there. */
export function topicWarnings(
  product: Product,
  config: MqttConfigEntity,
  subscription: Pick<SubscriptionEntity, 'topic' | 'absolute_topic'>,
): SubscriptionWarningView[] {
  if (subscription.absolute_topic || !topicRepeatsPrefix(product, config, subscription)) return [];
  const filter = subscribedFilter(product, config, subscription);
  return [
    {
      code: 'TOPIC_REPEATS_PREFIX',
      message: `The topic begins with the prefix that is put before it, so "${filter}" is subscribed to. If it is the full path, set absolute_topic.`,
    },
  ];
}

/** What status says about the topics of a product. */
export class SubscriptionWarnings {
  private readonly known = new Map<number, { revision: number; at_ms: number; warnings: SubscriptionWarningView[] }>();

  constructor(private readonly deps: { dataSource: DataSource }) {}

  async of(product: ProductEntity, config: MqttConfigEntity, now: Date): Promise<SubscriptionWarningView[]> {
    const known = this.known.get(product.id);
    const at_ms = now.getTime();
    if (known && known.revision === config.revision && at_ms - known.at_ms < KEPT_FOR_MS) return known.warnings;
    const warnings = await this.work(product, config, now);
    this.known.set(product.id, { revision: config.revision, at_ms, warnings });
    if (this.known.size > 10_000) this.known.clear();
    return warnings;
  }

  private async work(product: ProductEntity, config: MqttConfigEntity, now: Date): Promise<SubscriptionWarningView[]> {
    if (!product.enabled) return [];
    const subscriptions = await this.deps.dataSource.manager.find(SubscriptionEntity, {
      where: { mqtt_config_id: config.id, enabled: true },
      select: { id: true, name: true, topic: true, absolute_topic: true, last_message_at: true, updated_at: true },
    });
    const before = (at: Date | null, span_ms: number) => at === null || now.getTime() - at.getTime() > span_ms;
    const others_receive = subscriptions.some(({ last_message_at }) => !before(last_message_at, LATELY_MS));
    const warnings: SubscriptionWarningView[] = [];
    let topics: string[] | null = null;
    for (const subscription of subscriptions) {
      if (warnings.length >= MOST_NAMED) break;
      const named = `"${subscription.name}"`;
      const repeated = topicWarnings(product, config, subscription);
      warnings.push(...repeated.map(({ code, message }) => ({ code, message: `${named}: ${message}` })));
      if (repeated.length > 0 || !others_receive) continue;
      const { last_message_at, updated_at } = subscription;
      if (!before(last_message_at, SILENT_AFTER_MS) || !before(updated_at, SILENT_AFTER_MS)) continue;
      const since =
        last_message_at === null
          ? 'Nothing has ever arrived'
          : `Nothing has arrived since ${last_message_at.toISOString()}`;
      topics ??= await this.recentTopics(product.id);
      warnings.push({
        code: 'SILENT_FILTER',
        message: `${named}: ${since} on "${subscribedFilter(product, config, subscription)}", while other subscriptions of the product receive. ${adviceFor(product, config, subscription, topics)}`,
      });
    }
    return warnings;
  }

  /** Topics on which a message of the product was recorded lately. */
  private async recentTopics(product_id: number): Promise<string[]> {
    const rows = await this.deps.dataSource.query<{ topic: string }[]>(
      `SELECT topic FROM message_topics WHERE product_id = $1 AND last_at > now() - interval '1 day'
       ORDER BY last_at DESC LIMIT $2`,
      [product_id, COMPARED_TOPICS],
    );
    return rows.map(({ topic }) => topic);
  }
}

function adviceFor(
  product: Product,
  config: MqttConfigEntity,
  subscription: Pick<SubscriptionEntity, 'topic' | 'absolute_topic'>,
  topics: readonly string[],
): string {
  const resolved = resolveSubscriptionTopic(product, config, subscription);
  const own = resolveSubscriptionTopic(product, config, { ...subscription, absolute_topic: true });
  const near =
    resolved.ok && own.ok ? nearMiss({ filter: resolved.topic_filter, own: own.topic_filter }, topics) : null;
  if (near === null) return 'Compare prefix, a leading slash and upper and lower case with what is published.';
  return `Messages do arrive on "${[...near.topic].slice(0, SHOWN_TOPIC).join('')}": ${near.difference}.`;
}
