import { validatePublishTopic } from '@cortex-mqtt/mqtt';
import type { DataSource, EntityManager } from 'typeorm';
import { NotFoundError, ValidationError } from '../../http/app-error';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';
import type { ConnectionStatusView } from '../connection-status/connection-status.view';
import { ProductEntity } from '../../model/product.entity';
import { revisionOf, type Versioned } from '../../configuration/versioned';
import { resealed, type SecretBox } from '../secrets/secret-box';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { presentSubscription } from '../subscriptions/subscription.presenter';
import { checkAllTopics } from '../subscriptions/subscription-topic';
import { applyBroker, brokerFaults, unusableFaults } from '../brokers/broker-fields';
import { openPrimaryBroker, PRIMARY_BROKER, primarySecretPlace } from '../brokers/broker-secrets';
import type { ChangeNotifier } from '../../configuration/change-notifier';
import { archiveFaults, changedArchive } from './archive-fields';
import type { PutMqttConfigDto, TopicsDto } from './mqtt-config.dto';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { changeWarnings, clientIdWarnings } from './config-warnings';
import { presentMqttConfig } from './mqtt-config.presenter';
import type { MqttConfigView } from './mqtt-config.view';
import { oneSessionTwice } from '../brokers/one-session-twice';
import { type ChangeOptions, changeConfiguration, type SessionWatch } from '../../configuration/change-configuration';

export interface MqttConfigServiceDeps {
  dataSource: DataSource;
  notifier: ChangeNotifier;
  sessions?: SessionWatch;
  secretBox: SecretBox;
  readStatus(product_id: number): Promise<ConnectionStatusView>;
}

export class MqttConfigService {
  constructor(private readonly deps: MqttConfigServiceDeps) {}

  /** @param shown `none` leaves the subscriptions out, but for their number */
  async read(product_id: number, shown: 'all' | 'none' = 'all'): Promise<Versioned<MqttConfigView>> {
    const { dataSource } = this.deps;
    const product = await dataSource.getRepository(ProductEntity).findOneBy({ id: product_id });
    const config = await dataSource.getRepository(MqttConfigEntity).findOneBy({ product_id });
    if (!product || !config) throw new NotFoundError(`There is no product ${product_id}.`);
    const where = { mqtt_config_id: config.id };
    const repository = dataSource.getRepository(SubscriptionEntity);
    const subscriptions = shown === 'none' ? [] : await repository.find({ where, order: { id: 'ASC' } });
    return {
      revision: revisionOf(config),
      value: {
        product_id,
        revision: config.revision,
        warnings: await clientIdWarnings(dataSource.manager, product_id),
        mqtt_config: presentMqttConfig(config),
        subscriptions: subscriptions.map((subscription) => presentSubscription(product, config, subscription)),
        subscriptions_total: shown === 'none' ? await repository.countBy(where) : subscriptions.length,
        status: await this.deps.readStatus(product_id),
      },
    };
  }

  async put(product_id: number, dto: PutMqttConfigDto, options: ChangeOptions): Promise<Versioned<MqttConfigView>> {
    const { result: warnings } = await changeConfiguration(this.deps, product_id, options, async (manager, config) => {
      const { clean_session } = config;
      const product = await manager.findOneByOrFail(ProductEntity, { id: product_id });
      const before = auditFields(config);
      const faults = [
        ...(dto.broker ? brokerFaults(dto.broker, config, 'broker.') : []),
        ...probeFaults(dto),
        ...archiveFaults(dto),
      ];
      if (dto.broker && config.broker_host === null && dto.broker.host === undefined) {
        faults.push({ field: 'broker.host', message: 'is needed: no broker is configured yet' });
      }
      applyBroker(config, dto.broker ?? {}, (plain, column) =>
        resealed(this.deps.secretBox, config[column], plain, primarySecretPlace(product_id, column)),
      );
      const { broker } = dto;
      if (broker && config.broker_host !== null) {
        const after = () => openPrimaryBroker(config, config.broker_host ?? '', this.deps.secretBox);
        faults.push(...unusableFaults(broker, after, 'broker.'));
      }
      applyTopics(config, dto.topics ?? {});
      applySettings(config, dto);
      faults.push(...(await sessionFaults(manager, config)));
      faults.push(...(await checkAllTopics(manager, product, config, topicsField(dto.topics ?? {}))));
      if (faults.length > 0) throw new ValidationError(faults);
      await manager.save(config);
      return {
        result: changeWarnings({ clean_session }, config),
        audit: {
          action: 'mqtt_config.update',
          entity_type: 'mqtt_config',
          entity_id: config.id,
          before,
          after: auditFields(config),
        },
      };
    });
    const { value, revision } = await this.read(product_id);
    return { value: { ...value, warnings: [...warnings, ...value.warnings] }, revision };
  }
}

export function applyTopics(config: MqttConfigEntity, dto: TopicsDto): void {
  if (dto.prefix !== undefined) config.topic_prefix = dto.prefix ?? '';
  if (dto.pattern !== undefined) config.topic_pattern = dto.pattern ?? '';
  if (dto.use_shared !== undefined) config.use_shared_subscriptions = dto.use_shared;
  if (dto.shared_group !== undefined) config.shared_group = dto.shared_group;
  if (dto.qos !== undefined) config.qos = dto.qos;
}

export function applySettings(config: MqttConfigEntity, dto: PutMqttConfigDto): void {
  if (dto.delivery?.handover_after_ms !== undefined) config.handover_after_ms = dto.delivery.handover_after_ms;
  if (dto.failover?.subscribe_on !== undefined) config.subscribe_on = dto.failover.subscribe_on;
  if (dto.failover?.after_s !== undefined) config.failover_after_s = dto.failover.after_s;
  if (dto.failover?.failback_after_s !== undefined) config.failback_after_s = dto.failover.failback_after_s;
  if (dto.probe?.topic !== undefined) config.probe_topic = dto.probe.topic;
  if (dto.probe?.interval_s !== undefined) config.probe_interval_s = dto.probe.interval_s;
  if (dto.archive !== undefined) config.archive = changedArchive(config.archive, dto.archive);
}

async function sessionFaults(manager: EntityManager, config: MqttConfigEntity) {
  if (config.subscribe_on === 'one') return [];
  const further = await manager.findBy(MqttBrokerEntity, { product_id: config.product_id });
  const fault = oneSessionTwice([{ ...config, name: PRIMARY_BROKER }, ...further]);
  return fault === null ? [] : [{ field: 'failover.subscribe_on', message: fault }];
}

export function probeFaults(dto: PutMqttConfigDto) {
  if (dto.probe?.topic == null) return [];
  const fault = validatePublishTopic(dto.probe.topic);
  return fault === null ? [] : [{ field: 'probe.topic', message: fault }];
}

/** Which field of the request a topic fault lies in; a filter that is too long is the fault of what was given. */
function topicsField(dto: TopicsDto): (part: string) => string {
  const whole = dto.pattern === undefined && dto.prefix !== undefined ? 'prefix' : 'pattern';
  return (part) => `topics.${part === 'topic' ? whole : part}`;
}

/** The row as the audit log compares it: a changed secret shows as changed, never its value. */
export function auditFields(config: MqttConfigEntity): Record<string, unknown> {
  const { id, product_id, created_at, updated_at, revision, revision_key, ...fields } = config;
  return { ...fields };
}
