import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import type { LateOutcome } from '@cortex-mqtt/messages';
import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import type { SecretBox } from '../secrets/secret-box';
import { DataKeys } from './data-keys';
import { MessageService } from './message.service';
import { MessageScan } from './message-scan';
import { MessageTail } from './message-tail';
import { ReadAudit } from './read-audit';
import { SealedContent } from './sealed-content';
import { SegmentIntake } from './segment-intake';
import type { MessageStore } from './store/message-store';
import { TopicTally } from './topic-tally';
import { TopicTreeService } from './topic-tree.service';

const DAY_MS = 24 * 3600 * 1000;

export interface MessageArchiveDeps {
  dataSource: DataSource;
  store: MessageStore;
  secretBox: SecretBox;
  engine: ExpressionEngine;
  onReplayed(product_id: number, outcomes: LateOutcome[]): Promise<ReadonlySet<string>>;
  logger: Logger;
}

/** Everything that keeps and finds messages. */
export class MessageArchive {
  readonly keys: DataKeys;
  readonly scan: MessageScan;
  readonly messages: MessageService;
  readonly topicTree: TopicTreeService;
  readonly tail: MessageTail;
  readonly intake: SegmentIntake;
  readonly tally: TopicTally;
  readonly store: MessageStore;
  private readonly dataSource: DataSource;

  constructor({ dataSource, store, secretBox, engine, onReplayed, logger }: MessageArchiveDeps) {
    this.dataSource = dataSource;
    this.store = store;
    this.keys = new DataKeys({ dataSource, secretBox });
    this.scan = new MessageScan({ store, keys: this.keys });
    this.tally = new TopicTally({
      store,
      seal: async (product_id, topic, value) =>
        new SealedContent(product_id, await this.keys.keyOf(product_id)).sealValue(topic, value),
    });
    this.messages = new MessageService({
      dataSource,
      store,
      scan: this.scan,
      engine,
      audit: new ReadAudit({ dataSource }),
    });
    this.tail = new MessageTail({ store, scan: this.scan, keys: this.keys, engine, logger });
    this.topicTree = new TopicTreeService({ store, keys: this.keys });
    this.intake = new SegmentIntake({
      store,
      keys: this.keys,
      tally: this.tally,
      boundsOf: async (product_id) => {
        const config = await dataSource.manager.findOne(MqttConfigEntity, {
          where: { product_id },
          select: { id: true, archive: true },
        });
        return config?.archive ?? { enabled: false, max_age_days: 0, max_bytes: 0 };
      },
      onReplayed,
      logger,
    });
  }

  /** Keeps every product within its age and bytes, and drops what is left of products that are gone. */
  async retain(): Promise<void> {
    const configs = await this.dataSource.manager.find(MqttConfigEntity, {
      select: { id: true, product_id: true, archive: true },
    });
    const archives = new Map(configs.map(({ product_id, archive }) => [product_id, archive]));
    let longest_days = 1;
    for (const product_id of await this.store.products()) {
      const archive = archives.get(product_id);
      if (archive === undefined) {
        const exists = await this.dataSource.manager.existsBy(ProductEntity, { id: product_id });
        if (!exists) await this.store.forget(product_id);
        continue;
      }
      longest_days = Math.max(longest_days, archive.max_age_days);
      await this.store.trim(product_id, archive);
    }
    // A day more: what was received just before midnight is kept as long as it should be.
    await this.store.dropDaysBefore(new Date(Date.now() - (longest_days + 1) * DAY_MS));
  }
}
