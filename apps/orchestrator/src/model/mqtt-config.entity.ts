import type { QoS, SubscribeOn } from '@cortex-mqtt/contracts';
import { Check, Column, Entity, ForeignKey, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, UpdatedAt } from '../database/columns';
import { type ArchiveSettings, completeArchive } from './archive-settings';
import { ProductEntity } from './product.entity';
import { BrokerColumns } from './broker-columns';

/** The primary broker and the topics of a product; also the keeper of its revision. */
@Entity('mqtt_configs')
@Unique('uq_mqtt_configs_product', ['product_id'])
@Check('ck_mqtt_configs_port', 'broker_port BETWEEN 1 AND 65535')
@Check('ck_mqtt_configs_qos', 'qos BETWEEN 0 AND 2')
@Check('ck_mqtt_configs_keep_alive', 'keep_alive BETWEEN 0 AND 65535')
@Check('ck_mqtt_configs_protocol', 'protocol_version IN (4, 5)')
@Check('ck_mqtt_configs_transport', `transport IN ('tcp', 'tls', 'ws', 'wss')`)
@Check('ck_mqtt_configs_connections', `connections IN ('several', 'one')`)
@Check('ck_mqtt_configs_receive_maximum', 'receive_maximum BETWEEN 1 AND 65535')
@Check('ck_mqtt_configs_proxy', `proxy_url IS NULL OR transport IN ('ws', 'wss')`)
@Check('ck_mqtt_configs_subscribe_on', `subscribe_on IN ('one', 'all')`)
export class MqttConfigEntity extends BrokerColumns {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_mqtt_configs' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_mqtt_configs_product' })
  product_id!: number;

  /** null until somebody configures the broker. */
  @Column({ type: 'varchar', length: 255, nullable: true })
  broker_host!: string | null;

  @Column({ type: 'text', default: '' })
  topic_prefix!: string;

  @Column({ type: 'text', default: '' })
  topic_pattern!: string;

  @Column({ type: 'boolean', default: false })
  use_shared_subscriptions!: boolean;

  @Column({ type: 'text', nullable: true })
  shared_group!: string | null;

  @Column({ type: 'smallint', default: 1 })
  qos!: QoS;

  @Column({ type: 'integer', default: 1 })
  revision!: number;

  /** Drawn again with each revision: its number alone is no identity once a database was restored. */
  @Column({ type: 'varchar', length: 16, default: '' })
  revision_key!: string;

  @Column({ type: 'integer', default: 0 })
  reconnect_generation!: number;

  /** Milliseconds before an unfinished delivery goes to the queue. */
  @Column({ type: 'integer', default: 20 })
  handover_after_ms!: number;

  @Column({ type: 'varchar', length: 3, default: 'one' })
  subscribe_on!: SubscribeOn;

  @Column({ type: 'integer', nullable: true })
  failover_after_s!: number | null;

  @Column({ type: 'integer', nullable: true })
  failback_after_s!: number | null;

  @Column({ type: 'text', nullable: true })
  probe_topic!: string | null;

  @Column({ type: 'integer', default: 30 })
  probe_interval_s!: number;

  /** What is recorded of its messages; see DEFAULT_ARCHIVE. */
  @Column({
    type: 'jsonb',
    default: { enabled: false },
    transformer: { to: (value: unknown) => value, from: completeArchive },
  })
  archive!: ArchiveSettings;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
