import { type DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { ConflictError, NotFoundError, ValidationError } from '../../http/app-error';
import { presentBroker } from './broker.presenter';
import { BROKER_SECRET_NAMES } from '../../model/broker-field-table';
import { applyBroker, brokerFaults, unusableFaults } from './broker-fields';
import { furtherSecretPlace, openFurtherBroker, PRIMARY_BROKER } from './broker-secrets';
import type { ChangeNotifier } from '../../configuration/change-notifier';
import type { BrokerDto } from './broker-settings.dto';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { oneSessionTwice } from './one-session-twice';
import {
  type Change,
  type ChangeOptions,
  changeConfiguration,
  type SessionWatch,
} from '../../configuration/change-configuration';
import { revisionOf, type Versioned } from '../../configuration/versioned';
import type { Revision } from '../../http/etag';
import { resealed, type SecretBox } from '../secrets/secret-box';
import {
  type BrokerOrderDto,
  type CreateBrokerDto,
  type FurtherBrokerView,
  MAX_FURTHER_BROKERS,
  type UpdateBrokerDto,
} from './broker.dto';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';

export interface BrokerServiceDeps {
  dataSource: DataSource;
  notifier: ChangeNotifier;
  sessions?: SessionWatch;
  secretBox: SecretBox;
  /** Names of the brokers that live instances are connected to, by instance id. */
  brokersInUse(product_id: number): Promise<Map<string, string[]>>;
}

/** The brokers that a product's listeners fail over to, in order of preference. */
export class BrokerService {
  constructor(private readonly deps: BrokerServiceDeps) {}

  async list(product_id: number): Promise<Versioned<FurtherBrokerView[]>> {
    const { manager } = this.deps.dataSource;
    const revision = await revisionNow(manager, product_id);
    return { value: await this.views(await inOrder(manager, product_id), product_id), revision };
  }

  async read(product_id: number, id: number): Promise<Versioned<FurtherBrokerView>> {
    const { value, revision } = await this.list(product_id);
    const found = value.find((broker) => broker.id === id);
    if (!found) throw new NotFoundError(`Product ${product_id} has no broker ${id}.`);
    return { value: found, revision };
  }

  /** Put at the end of the order. */
  async create(
    product_id: number,
    dto: CreateBrokerDto,
    options: ChangeOptions,
  ): Promise<Versioned<FurtherBrokerView>> {
    const id = await this.change(product_id, options, async (manager) => {
      const others = await inOrder(manager, product_id);
      if (others.length >= MAX_FURTHER_BROKERS) {
        throw new ConflictError(`A product may have ${MAX_FURTHER_BROKERS} brokers beside the primary one.`);
      }
      refuse(brokerFaults(dto, null, ''));
      const broker = manager.create(MqttBrokerEntity, {
        product_id,
        name: dto.name,
        position: (others.at(-1)?.position ?? 0) + 1,
        transport: 'tcp',
      });
      // The id comes first: it is part of the place that the secrets are sealed for.
      applyBroker(
        broker,
        { ...dto, ...Object.fromEntries(BROKER_SECRET_NAMES.map((name) => [name, undefined])) },
        neverSealed,
      );
      await manager.save(broker);
      this.apply(broker, dto);
      await manager.save(broker);
      return {
        result: broker.id,
        audit: {
          action: 'mqtt_broker.create',
          entity_type: 'mqtt_broker',
          entity_id: broker.id,
          after: auditFields(broker),
        },
      };
    });
    return this.read(product_id, id);
  }

  async update(
    product_id: number,
    id: number,
    dto: UpdateBrokerDto,
    options: ChangeOptions,
  ): Promise<Versioned<FurtherBrokerView>> {
    await this.change(product_id, options, async (manager) => {
      const broker = await findBroker(manager, product_id, id);
      const before = auditFields(broker);
      refuse(brokerFaults(dto, broker, ''));
      if (dto.name !== undefined) broker.name = dto.name;
      this.apply(broker, dto);
      await manager.save(broker);
      return {
        result: undefined,
        audit: {
          action: 'mqtt_broker.update',
          entity_type: 'mqtt_broker',
          entity_id: id,
          before,
          after: auditFields(broker),
        },
      };
    });
    return this.read(product_id, id);
  }

  async delete(product_id: number, id: number, options: ChangeOptions): Promise<Revision> {
    await this.change(product_id, options, async (manager) => {
      const broker = await findBroker(manager, product_id, id);
      await manager.delete(MqttBrokerEntity, { id });
      return {
        result: undefined,
        audit: {
          action: 'mqtt_broker.delete',
          entity_type: 'mqtt_broker',
          entity_id: id,
          before: auditFields(broker),
        },
      };
    });
    return revisionNow(this.deps.dataSource.manager, product_id);
  }

  async reorder(
    product_id: number,
    { ids }: BrokerOrderDto,
    options: ChangeOptions,
  ): Promise<Versioned<FurtherBrokerView[]>> {
    await this.change(product_id, options, async (manager) => {
      const brokers = await inOrder(manager, product_id);
      const before = brokers.map((broker) => broker.id);
      if (JSON.stringify([...ids].sort()) !== JSON.stringify([...before].sort())) {
        throw new ValidationError([{ field: 'ids', message: 'must hold the id of every further broker, once' }]);
      }
      for (const [index, id] of ids.entries()) {
        await manager.update(MqttBrokerEntity, { id }, { position: index + 1 });
      }
      return {
        result: undefined,
        audit: {
          action: 'mqtt_broker.reorder',
          entity_type: 'mqtt_broker',
          entity_id: null,
          before: { ids: before },
          after: { ids },
        },
      };
    });
    return this.list(product_id);
  }

  private apply(broker: MqttBrokerEntity, dto: BrokerDto): void {
    const { secretBox } = this.deps;
    applyBroker(broker, dto, (plain, column) =>
      resealed(secretBox, broker[column], plain, furtherSecretPlace(broker, column)),
    );
    refuse(unusableFaults(dto, () => openFurtherBroker(broker, secretBox), ''));
  }

  private async change<T>(
    product_id: number,
    options: ChangeOptions,
    work: (manager: EntityManager) => Promise<Change<T>>,
  ): Promise<T> {
    try {
      const { result } = await changeConfiguration(this.deps, product_id, options, async (manager, config) => {
        const done = await work(manager);
        const all = [{ ...config, name: PRIMARY_BROKER }, ...(await inOrder(manager, product_id))];
        const fault = config.subscribe_on === 'all' ? oneSessionTwice(all) : null;
        if (fault !== null) throw new ValidationError([{ field: 'client_id', message: fault }]);
        return done;
      });
      return result;
    } catch (error) {
      if (error instanceof QueryFailedError && error.driverError?.constraint === 'uq_mqtt_brokers_name') {
        throw new ConflictError('Another broker of this product has that name.', [
          { field: 'name', message: 'is taken by another broker of this product' },
        ]);
      }
      throw error;
    }
  }

  private async views(brokers: MqttBrokerEntity[], product_id: number): Promise<FurtherBrokerView[]> {
    const in_use = await this.deps.brokersInUse(product_id);
    return brokers.map((broker, index) => ({
      ...presentBroker(broker),
      id: broker.id,
      name: broker.name,
      position: index + 1,
      in_use_by: [...in_use].filter(([, names]) => names.includes(broker.name)).map(([instance]) => instance),
      created_at: broker.created_at.toISOString(),
      updated_at: broker.updated_at.toISOString(),
    }));
  }
}

function inOrder(manager: EntityManager, product_id: number): Promise<MqttBrokerEntity[]> {
  return manager.find(MqttBrokerEntity, { where: { product_id }, order: { position: 'ASC', id: 'ASC' } });
}

async function findBroker(manager: EntityManager, product_id: number, id: number): Promise<MqttBrokerEntity> {
  const broker = await manager.findOneBy(MqttBrokerEntity, { id, product_id });
  if (!broker) throw new NotFoundError(`Product ${product_id} has no broker ${id}.`);
  return broker;
}

async function revisionNow(manager: EntityManager, product_id: number): Promise<Revision> {
  const config = await manager.findOne(MqttConfigEntity, {
    where: { product_id },
    select: { id: true, revision: true, revision_key: true },
  });
  if (!config) throw new NotFoundError(`There is no product ${product_id}.`);
  return revisionOf(config);
}

function refuse(faults: ReturnType<typeof brokerFaults>): void {
  if (faults.length > 0) throw new ValidationError(faults);
}

function neverSealed(): never {
  throw new Error('a secret was about to be sealed before its broker had an id');
}

export function auditFields(broker: MqttBrokerEntity): Record<string, unknown> {
  const { id, product_id, created_at, updated_at, ...fields } = broker;
  return { ...fields };
}
