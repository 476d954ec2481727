import { referencedSecrets } from '@cortex-mqtt/actions';
import type {
  BrokerConnection,
  LeftSession,
  ListenerArchive,
  ListenerConfigDocument,
  ListenerSubscription,
} from '@cortex-mqtt/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import type { ListenerPrincipal } from '../../http/principal';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';
import { openFurtherBroker, openPrimaryBroker } from '../brokers/broker-secrets';
import type { ArchiveSettings } from '../../model/archive-settings';
import { revisionOf } from '../../configuration/versioned';
import type { Revision } from '../../http/etag';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { ProductSecretEntity } from '../../model/product-secret.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { type SecretBox, secretPlace } from '../secrets/secret-box';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { resolveSubscriptionTopic, sharedGroupOf } from '../subscriptions/subscription-topic';

/** Builds what a listener runs: secrets open, topics resolved, only what is enabled. */
export class ListenerConfigService {
  /** What each token read last, and from where: replicas and restarts would otherwise fill the audit log. */
  private readonly lastRead = new Map<number, string>();

  constructor(
    private readonly deps: {
      dataSource: DataSource;
      secretBox: SecretBox;
      /** Sessions that are to be emptied and ended. */
      leftSessions?(manager: EntityManager, product_id: number): Promise<LeftSession[]>;
    },
  ) {}

  /** Writes down that secrets left the building: once for each revision, token and address. */
  async recordRead(listener: ListenerPrincipal, actor: Actor, document: ListenerConfigDocument): Promise<void> {
    const read = `${document.revision} ${actor.ip}`;
    if (this.lastRead.get(listener.token_id) === read) return;
    this.lastRead.set(listener.token_id, read);
    await recordAudit(this.deps.dataSource.manager, {
      actor,
      action: 'mqtt_config.read_by_listener',
      entity_type: 'listener_token',
      entity_id: listener.token_id,
      product_id: document.product_id,
      after: { revision: document.revision, secrets: Object.keys(document.secrets) },
    });
  }

  /** The revision alone, so that an unchanged poll costs one index look-up. */
  async revision(product_id: number): Promise<Revision> {
    const config = await this.deps.dataSource
      .getRepository(MqttConfigEntity)
      .findOne({ where: { product_id }, select: { id: true, revision: true, revision_key: true } });
    if (!config) throw new NotFoundError(`There is no product ${product_id}.`);
    return revisionOf(config);
  }

  async document(product_id: number): Promise<ListenerConfigDocument> {
    // One snapshot: a write between the reads must not mix two revisions.
    return this.deps.dataSource.transaction('REPEATABLE READ', async (manager) => {
      const product = await manager.findOneBy(ProductEntity, { id: product_id });
      const config = await manager.findOneBy(MqttConfigEntity, { product_id });
      if (!product || !config) throw new NotFoundError(`There is no product ${product_id}.`);
      const further = await manager.find(MqttBrokerEntity, {
        where: { product_id },
        order: { position: 'ASC', id: 'ASC' },
      });
      const all = await manager.find(SubscriptionEntity, {
        where: { mqtt_config_id: config.id },
        order: { id: 'ASC' },
      });
      const enabled = all.filter((subscription) => subscription.enabled);
      const disabled = all.filter((subscription) => !subscription.enabled);
      const secrets = await manager.findBy(ProductSecretEntity, { product_id });
      const used = new Set(referencedSecrets(enabled.flatMap((subscription) => subscription.actions)));
      return {
        product_id,
        product_slug: product.slug,
        session_key: `${product_id}-${product.created_at.getTime()}`,
        enabled: product.enabled,
        revision: config.revision,
        revision_key: config.revision_key,
        reconnect_generation: config.reconnect_generation,
        variables: product.variables,
        brokers: openBrokers(config, further, this.deps.secretBox),
        failover: {
          subscribe_on: config.subscribe_on,
          after_s: config.failover_after_s,
          failback_after_s: config.failback_after_s,
        },
        shared_group: sharedGroupOf(product, config),
        handover_after_ms: config.handover_after_ms,
        probe: config.probe_topic === null ? null : { topic: config.probe_topic, interval_s: config.probe_interval_s },
        archive: listenerArchive(
          config.archive,
          disabled.flatMap((subscription) => listenerSubscription(product, config, subscription)),
        ),
        subscriptions: enabled.flatMap((subscription) => listenerSubscription(product, config, subscription)),
        left_sessions: (await this.deps.leftSessions?.(manager, product_id)) ?? [],
        secrets: Object.fromEntries(
          secrets.flatMap(({ name, value }) =>
            used.has(name) && value !== null
              ? [[name, this.deps.secretBox.open(value, secretPlace(product_id, name))]]
              : [],
          ),
        ),
      };
    });
  }
}

/** null while nothing is recorded. */
function listenerArchive(archive: ArchiveSettings, paused: ListenerSubscription[]): ListenerArchive | null {
  if (!archive.enabled) return null;
  const { enabled, scope, filters, max_payload_bytes, redact, before_ack } = archive;
  return {
    enabled,
    scope,
    filters,
    max_payload_bytes,
    redact,
    before_ack,
    paused: paused.map(({ id, topic_filter, qos }) => ({ id, topic_filter, qos })),
  };
}

/** The primary broker and the further ones in order; none while the primary is not configured. */
export function openBrokers(
  config: MqttConfigEntity,
  further: MqttBrokerEntity[],
  secretBox: SecretBox,
): BrokerConnection[] {
  if (config.broker_host === null) return [];
  return [
    openPrimaryBroker(config, config.broker_host, secretBox),
    ...further.map((broker) => openFurtherBroker(broker, secretBox)),
  ];
}

/** A topic that no longer resolves can't be stored; should one be there all the same, it is left out, not guessed. */
export function listenerSubscription(
  product: ProductEntity,
  config: MqttConfigEntity,
  subscription: SubscriptionEntity,
): ListenerSubscription[] {
  const resolved = resolveSubscriptionTopic(product, config, subscription);
  if (!resolved.ok) return [];
  return [
    {
      id: subscription.id,
      name: subscription.name,
      topic: subscription.topic,
      topic_filter: resolved.topic_filter,
      wildcard_names: resolved.wildcard_names,
      qos: subscription.qos ?? config.qos,
      payload_format: subscription.payload_format,
      filter: subscription.filter,
      message_key: subscription.message_key,
      concurrency: subscription.concurrency,
      ordering: subscription.ordering,
      actions: subscription.actions,
    },
  ];
}
