import { asProductId } from '@cortex-mqtt/contracts';
import { createDeliveryStore, type DeliveryFilter, type DeliveryStore, type QueueBackend } from '@cortex-mqtt/queues';
import { type DataSource, In } from 'typeorm';
import { ConflictError, NotFoundError, ValidationError } from '../../http/app-error';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { ProductEntity } from '../../model/product.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import type {
  DeliveryCountsView,
  DeliveryDetailView,
  DeliveryPageView,
  DeliveryQuery,
  RetryDeliveryDto,
} from './delivery.dto';
import { presentDelivery, presentDeliveryDetail } from './delivery.presenter';
import type { StoredDeliveryFilter } from './operation.entity';

/** A product's deliveries in the queue: those that wait for another attempt, and the dead letters. */
export class DeliveryService {
  constructor(private readonly deps: { dataSource: DataSource; queues: QueueBackend }) {}

  async list(product_id: number, query: DeliveryQuery): Promise<DeliveryPageView> {
    const store = await this.storeOf(product_id);
    const wanted = { ...toFilter(query), page: query.page, page_size: query.page_size };
    const page = await (async () => {
      switch (query.state) {
        case 'retrying':
          return store.listRetrying(wanted);
        case 'in_flight':
          return store.listInFlight(wanted);
        case 'dead':
        case undefined:
          return store.listDeadLetters(wanted);
      }
    })();
    const names = await this.subscriptionNames(page.items.map((item) => item.subscription_id));
    return { ...page, items: page.items.map((item) => presentDelivery(item, names)) };
  }

  async counts(product_id: number): Promise<DeliveryCountsView> {
    const store = await this.storeOf(product_id);
    return store.counts();
  }

  async read(product_id: number, id: string): Promise<DeliveryDetailView> {
    const store = await this.storeOf(product_id);
    const delivery = await store.getDelivery(id);
    if (!delivery) throw missing(product_id, id);
    return presentDeliveryDetail(delivery, await this.subscriptionNames([delivery.subscription_id]));
  }

  /** Tries a delivery again, at once; with another payload when `dto` has one. */
  async retry(product_id: number, id: string, dto: RetryDeliveryDto, actor: Actor): Promise<void> {
    const payload = editedPayload(dto);
    const store = await this.storeOf(product_id);
    await this.audited(
      {
        actor,
        action: payload === null ? 'delivery.retry' : 'delivery.retry_edited',
        product_id,
        id,
        after: payload === null ? {} : { payload_bytes: payload.length },
      },
      store,
      () => (payload === null ? store.retry(id) : store.retryEdited(id, payload)),
    );
  }

  async remove(product_id: number, id: string, actor: Actor): Promise<void> {
    const store = await this.storeOf(product_id);
    await this.audited({ actor, action: 'delivery.purge', product_id, id, after: {} }, store, () => store.remove(id));
  }

  /** @throws NotFoundError when there is no such product; a queue must not come into being for any number. */
  async storeOf(product_id: number): Promise<DeliveryStore> {
    const { dataSource, queues } = this.deps;
    const exists = await dataSource.getRepository(ProductEntity).existsBy({ id: product_id });
    if (!exists) throw new NotFoundError(`There is no product ${product_id}.`);
    return createDeliveryStore({ backend: queues, product_id: asProductId(product_id) });
  }

  /** The audit row is committed only when the queue has done it, and nothing is done without one. */
  private async audited(
    record: { actor: Actor; action: string; product_id: number; id: string; after: Record<string, unknown> },
    store: DeliveryStore,
    work: () => Promise<boolean>,
  ): Promise<void> {
    const { actor, action, product_id, id, after } = record;
    const delivery = await store.getDelivery(id);
    if (!delivery) throw missing(product_id, id);
    await this.deps.dataSource.transaction(async (manager) => {
      await recordAudit(manager, {
        actor,
        action,
        entity_type: 'delivery',
        entity_id: id,
        product_id,
        after: { subscription_id: delivery.subscription_id, topic: delivery.topic, ...after },
      });
      if (!(await work())) {
        throw new ConflictError('A listener is working on this delivery just now, or it has gone meanwhile.');
      }
    });
  }

  private async subscriptionNames(ids: number[]): Promise<Map<number, string>> {
    if (ids.length === 0) return new Map();
    const subscriptions = await this.deps.dataSource.manager.find(SubscriptionEntity, {
      where: { id: In([...new Set(ids)]) },
      select: { id: true, name: true },
    });
    return new Map(subscriptions.map(({ id, name }) => [id, name]));
  }
}

export function toFilter({ subscription_id, error, from, to }: StoredDeliveryFilter): DeliveryFilter {
  return {
    ...(subscription_id === undefined ? {} : { subscription_id }),
    ...(error === undefined ? {} : { error }),
    ...(from === undefined ? {} : { from: new Date(from) }),
    ...(to === undefined ? {} : { to: new Date(to) }),
  };
}

function missing(product_id: number, id: string): NotFoundError {
  return new NotFoundError(`Product ${product_id} has no delivery ${id} in its queue; it may have succeeded.`);
}

function editedPayload(dto: RetryDeliveryDto): Buffer | null {
  if (dto.payload !== undefined && dto.payload_base64 !== undefined) {
    throw new ValidationError([{ field: 'payload_base64', message: 'must be absent when payload is given' }]);
  }
  if (dto.payload !== undefined) return Buffer.from(dto.payload, 'utf8');
  if (dto.payload_base64 !== undefined) return Buffer.from(dto.payload_base64, 'base64');
  return null;
}
