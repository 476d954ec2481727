import { type DryRunMessage, dryRun } from '@cortex-mqtt/actions';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import type { DataSource } from 'typeorm';
import { NotFoundError, ValidationError } from '../../http/app-error';
import { listenerSubscription } from '../listener-config/listener-config.service';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { findSubscription, newSubscription } from '../subscriptions/subscription.service';
import { applySubscription, sourcesOf, subscriptionSurroundings } from '../subscriptions/subscription-check';
import type { SecretBox } from '../secrets/secret-box';
import type { DryRunDto, DryRunView, SampleMessageDto } from './dry-run.dto';

/** Tells what a message would do, without a listener and without any effect. */
export class DryRunService {
  constructor(private readonly deps: { dataSource: DataSource; engine: ExpressionEngine; secretBox: SecretBox }) {}

  /** `sub_id` null: a subscription that is not saved yet, wholly in the draft. */
  async run(product_id: number, sub_id: number | null, dto: DryRunDto): Promise<DryRunView> {
    const too_much = await this.deps.engine.vet(sourcesOf(dto.draft ?? {}));
    if (too_much !== null) throw new ValidationError([{ field: 'draft.actions', message: too_much }]);
    const { manager } = this.deps.dataSource;
    const product = await manager.findOneBy(ProductEntity, { id: product_id });
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    if (!product || !config) throw new NotFoundError(`There is no product ${product_id}.`);
    const subscription =
      sub_id === null
        ? Object.assign(newSubscription(manager, config.id), { id: 0, name: 'draft', topic: '' })
        : await findSubscription(manager, config, sub_id);
    const surroundings = await subscriptionSurroundings(manager, {
      product,
      config,
      except: sub_id,
      secretBox: this.deps.secretBox,
    });
    const faults = applySubscription(subscription, dto.draft ?? {}, surroundings);
    if (faults.length > 0) {
      throw new ValidationError(faults.map(({ field, message }) => ({ field: `draft.${field}`, message })));
    }
    const [runnable] = listenerSubscription(product, config, subscription);
    if (!runnable) throw new NotFoundError(`The topic of subscription ${sub_id} can't be resolved.`);
    return dryRun(runnable, queuedMessage(dto.message), {
      more: dto.more_messages?.map((sample) => queuedMessage(sample)),
      product_id,
      engine: this.deps.engine,
      secretsKnown: surroundings.secretNames,
      broker: surroundings.broker,
    });
  }
}

function queuedMessage(sample: SampleMessageDto): DryRunMessage {
  if (sample.payload !== undefined && sample.payload_base64 !== undefined) {
    throw new ValidationError([
      { field: 'message.payload_base64', message: 'is given, and so is payload: only one of them may be' },
    ]);
  }
  return {
    topic: sample.topic,
    payload_base64: sample.payload_base64 ?? Buffer.from(payloadText(sample.payload)).toString('base64'),
    qos: sample.qos ?? 1,
    retain: sample.retain ?? false,
    duplicate: false,
    user_properties: sample.user_properties ?? {},
    content_type: sample.content_type ?? null,
    received_at: sample.received_at ?? new Date().toISOString(),
  };
}

function payloadText(payload: unknown): string {
  if (payload === undefined) return '';
  return typeof payload === 'string' ? payload : JSON.stringify(payload);
}
