import { randomUUID } from 'node:crypto';
import {
  asInstanceId,
  asProductId,
  type BrokerConnection,
  type ConnectionTestJob,
  type ConnectionTestRequest,
  type ConnectionTestResult,
  type ControlJob,
  queueNames,
  type StageResult,
} from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import { JobFailedError, type QueueBackend, QueueUnavailableError } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import { NotFoundError, UnavailableError, ValidationError } from '../../http/app-error';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';
import { brokerFaults, completeLastWill, mergedBroker, normalHost, unusableFaults } from '../brokers/broker-fields';
import { openFurtherBroker, openPrimaryBroker } from '../brokers/broker-secrets';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { connectionTestPlace, type SecretBox } from '../secrets/secret-box';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { subscribedFilter } from '../subscriptions/subscription-topic';
import type { ConnectionTestDto } from './connection-test.dto';
import { ConnectionTestEntity } from './connection-test.entity';

const DEFAULT_TIMEOUT_MS = 15_000;
/** Beyond the test's own limit: the way through the queue and back. */
const QUEUE_ALLOWANCE_MS = 4_000;
const KEPT_FOR_MS = 10 * 60_000;
const STAGE_POLL_MS = 100;
/** A test subscribes to no more filters than this: it is to find faults, not to load the broker. */
const MAX_FILTERS = 50;

/** `broker_id` null: the primary broker. */
export interface TestedBroker {
  product_id: number;
  broker_id: number | null;
}

/** A test that may be run. */
export interface PreparedTest {
  /** To its end. `onStage` hears of each stage as it ends, and again when a later one corrects it. */
  run(onStage: (stage: StageResult) => void): Promise<ConnectionTestResult>;
}

export interface ConnectionTestDeps {
  dataSource: DataSource;
  queues: QueueBackend;
  secretBox: SecretBox;
  liveInstanceIds(product_id: number): Promise<string[]>;
  logger: Logger;
}

/**
 * Runs connection tests as jobs: in the product's listener when one is alive, since its network is what matters, else in an
 * orchestrator. The job carries an id; the parameters wait sealed in the database.
 */
export class ConnectionTestService {
  constructor(private readonly deps: ConnectionTestDeps) {}

  /** Checks what is asked for, a test of the primary broker or the one with `broker_id`. Nothing is connected to yet. */
  async prepare({ product_id, broker_id }: TestedBroker, dto: ConnectionTestDto): Promise<PreparedTest> {
    const request = await this.requestFor({ product_id, broker_id }, dto);
    return { run: (onStage) => this.run(product_id, request, onStage) };
  }

  /** The primary broker with what is given in place of what is stored; its secrets go to no other endpoint. */
  async brokerFor(product_id: number, dto: ConnectionTestDto): Promise<BrokerConnection> {
    return (await this.requestFor({ product_id, broker_id: null }, dto)).broker;
  }

  private async run(
    product_id: number,
    request: ConnectionTestRequest,
    onStage: (stage: StageResult) => void,
  ): Promise<ConnectionTestResult> {
    await this.store(product_id, request);
    const stopWatching = this.watchStages(request.id, onStage);
    try {
      return await this.dispatch(product_id, request);
    } finally {
      await stopWatching();
      await this.deps.dataSource.manager.delete(ConnectionTestEntity, { id: request.id });
    }
  }

  /** What a tester asks for by the id of its job. */
  async request(product_id: number, id: string): Promise<ConnectionTestRequest> {
    const row = await this.deps.dataSource.manager.findOneBy(ConnectionTestEntity, { id, product_id });
    if (!row) throw new NotFoundError(`There is no connection test ${id}.`);
    return JSON.parse(this.deps.secretBox.open(row.request, connectionTestPlace(product_id))) as ConnectionTestRequest;
  }

  async recordStages(product_id: number, id: string, stages: StageResult[]): Promise<void> {
    const { affected } = await this.deps.dataSource.manager.update(
      ConnectionTestEntity,
      { id, product_id },
      { stages: stages as never },
    );
    if (!affected) throw new NotFoundError(`There is no connection test ${id}.`);
  }

  /** Deletes what a crash has left behind. */
  async deleteExpired(): Promise<void> {
    await this.deps.dataSource.query('DELETE FROM connection_tests WHERE expires_at < now()');
  }

  private async requestFor(
    { product_id, broker_id }: TestedBroker,
    dto: ConnectionTestDto,
  ): Promise<ConnectionTestRequest> {
    const { manager } = this.deps.dataSource;
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    const product = await manager.findOneBy(ProductEntity, { id: product_id });
    if (!config || !product) throw new NotFoundError(`There is no product ${product_id}.`);
    const further =
      broker_id === null ? null : await manager.findOneBy(MqttBrokerEntity, { id: broker_id, product_id });
    if (broker_id !== null && !further) throw new NotFoundError(`Product ${product_id} has no broker ${broker_id}.`);
    const stored = further ?? config;
    const host = dto.host === undefined ? stored.broker_host : normalHost(dto.host);
    const faults = brokerFaults(dto, stored, '');
    if (host === null) faults.push({ field: 'host', message: 'is needed: no broker is configured yet' });
    if (faults.length > 0 || host === null) throw new ValidationError(faults);
    const opened = further
      ? { ...openFurtherBroker(further, this.deps.secretBox), host }
      : openPrimaryBroker(config, host, this.deps.secretBox);
    // That the stored password goes to no other endpoint was checked above, as it is when saving.
    const broker = {
      ...mergedBroker(opened, dto),
      client_id: null,
      last_will: completeLastWill(dto.last_will ?? null),
    };
    const unusable = unusableFaults(dto, () => broker, '');
    if (unusable.length > 0) throw new ValidationError(unusable);
    const subscriptions = await manager.find(SubscriptionEntity, {
      where: { mqtt_config_id: config.id, enabled: true },
      order: { id: 'ASC' },
      take: MAX_FILTERS,
    });
    return {
      id: randomUUID(),
      broker,
      topic_filters: distinctFilters(
        subscriptions.map((subscription) => ({
          filter: subscribedFilter(product, config, subscription),
          qos: subscription.qos ?? config.qos,
        })),
      ),
      roundtrip_topic: dto.roundtrip ? (config.probe_topic ?? `cortex-mqtt/probe/${product.slug}`) : null,
      timeout_ms: dto.timeout_ms ?? DEFAULT_TIMEOUT_MS,
    };
  }

  private async store(product_id: number, request: ConnectionTestRequest): Promise<void> {
    await this.deps.dataSource.manager.insert(ConnectionTestEntity, {
      id: request.id,
      product_id,
      request: this.deps.secretBox.seal(JSON.stringify(request), connectionTestPlace(product_id)),
      expires_at: new Date(Date.now() + KEPT_FOR_MS),
    });
  }

  private async dispatch(product_id: number, request: ConnectionTestRequest): Promise<ConnectionTestResult> {
    const data = { product_id: asProductId(product_id), test_id: request.id };
    const limit = { timeout_ms: request.timeout_ms + QUEUE_ALLOWANCE_MS };
    try {
      const [instance] = await this.deps.liveInstanceIds(product_id);
      if (instance !== undefined) {
        const control = this.deps.queues.queue<ControlJob>(queueNames.control(data.product_id, asInstanceId(instance)));
        return (await control.runAndWait('connection-test', data, limit)) as ConnectionTestResult;
      }
      const own = this.deps.queues.queue<ConnectionTestJob>(queueNames.connectionTests());
      return (await own.runAndWait('connection-test', data, limit)) as ConnectionTestResult;
    } catch (error) {
      if (error instanceof QueueUnavailableError || error instanceof JobFailedError) {
        this.deps.logger.warn('connection test did not run', { product_id, test_id: request.id, error });
        throw new UnavailableError(`The test could not be run: ${error.message}`);
      }
      throw error;
    }
  }

  /** The tester writes its stages to the row; whoever waits here reads them there, in whichever orchestrator it is. */
  private watchStages(id: string, onStage: (stage: StageResult) => void): () => Promise<void> {
    let told = 0;
    let running: Promise<void> = Promise.resolve();
    const look = async (): Promise<void> => {
      const row = await this.deps.dataSource.manager.findOne(ConnectionTestEntity, {
        where: { id },
        select: { id: true, stages: true },
      });
      for (const stage of row?.stages.slice(told) ?? []) {
        told += 1;
        onStage(stage);
      }
    };
    const safely = (): Promise<void> =>
      look().catch((error: unknown) =>
        this.deps.logger.warn('stages of a connection test could not be read', { test_id: id, error }),
      );
    const timer = setInterval(() => {
      running = running.then(safely);
    }, STAGE_POLL_MS);
    return async () => {
      clearInterval(timer);
      await running.then(safely);
    };
  }
}

/** Each filter once, with the highest QoS asked for: some brokers answer a filter that comes twice only once. */
function distinctFilters(filters: ConnectionTestRequest['topic_filters']): ConnectionTestRequest['topic_filters'] {
  const distinct = new Map<string, (typeof filters)[number]>();
  for (const wanted of filters) {
    const known = distinct.get(wanted.filter);
    if (!known || known.qos < wanted.qos) distinct.set(wanted.filter, wanted);
  }
  return [...distinct.values()];
}
