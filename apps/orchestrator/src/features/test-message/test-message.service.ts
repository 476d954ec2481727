import {
  asInstanceId,
  asProductId,
  type ControlJob,
  queueNames,
  type TestMessageOutcome,
} from '@cortex-mqtt/contracts';
import { validatePublishTopic } from '@cortex-mqtt/mqtt';
import { JobFailedError, type QueueBackend, QueueUnavailableError } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import { ConflictError, NotFoundError, UnavailableError, ValidationError } from '../../http/app-error';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { ProductEntity } from '../../model/product.entity';
import type { TestMessageDto, TestMessageView } from './test-message.dto';

/** Beyond what the listener gives the broker: the way through the queue and back. */
const LIMIT_MS = 12_000;

/** Messages that people publish to see something arrive. A listener sends them: it has the connection and the credentials. */
export class TestMessageService {
  constructor(
    private readonly deps: {
      dataSource: DataSource;
      queues: QueueBackend;
      /** Live and connected instances of a product. */
      connectedInstanceIds(product_id: number): Promise<string[]>;
    },
  ) {}

  /** Audited before it is sent, so that no message leaves without a trace; the payload is not part of it. */
  async publish(product_id: number, dto: TestMessageDto, actor: Actor): Promise<TestMessageView> {
    const { manager } = this.deps.dataSource;
    if (!(await manager.existsBy(ProductEntity, { id: product_id }))) {
      throw new NotFoundError(`There is no product ${product_id}.`);
    }
    const fault = validatePublishTopic(dto.topic);
    if (fault !== null) throw new ValidationError([{ field: 'topic', message: fault }]);
    const [instance] = await this.deps.connectedInstanceIds(product_id);
    if (instance === undefined) {
      throw new ConflictError('No listener of the product is connected, so none can publish.');
    }
    const qos = dto.qos ?? 1;
    await recordAudit(manager, {
      actor,
      action: 'test_message.publish',
      entity_type: 'test_message',
      entity_id: null,
      product_id,
      after: { topic: dto.topic, qos, payload_bytes: Buffer.byteLength(dto.payload) },
    });
    const outcome = await this.send(product_id, instance, { topic: dto.topic, payload: dto.payload, qos });
    if (!outcome.published) throw new ConflictError(`The message was not published: ${outcome.reason}.`);
    return { topic: dto.topic, qos, published_by: instance };
  }

  private async send(
    product_id: number,
    instance: string,
    message: { topic: string; payload: string; qos: 0 | 1 | 2 },
  ): Promise<TestMessageOutcome> {
    const id = asProductId(product_id);
    try {
      return (await this.deps.queues.queue<ControlJob>(queueNames.control(id, asInstanceId(instance))).runAndWait(
        'test-message',
        { product_id: id, ...message },
        // It carries a payload: it must not stay in the queue.
        { timeout_ms: LIMIT_MS, result: 'remove' },
      )) as TestMessageOutcome;
    } catch (error) {
      if (!(error instanceof QueueUnavailableError || error instanceof JobFailedError)) throw error;
      throw new UnavailableError(`The message may not have been published: ${error.message}`);
    }
  }
}
