import type { ActionDefinition, PayloadFormat, QoS } from '@cortex-mqtt/contracts';
import { Check, Column, Entity, ForeignKey, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { BigIntColumn, CreatedAt, TimestampColumn, UpdatedAt } from '../database/columns';
import { MqttConfigEntity } from './mqtt-config.entity';

@Entity('mqtt_subscriptions')
@Unique('uq_mqtt_subscriptions_name', ['mqtt_config_id', 'name'])
@Check('ck_mqtt_subscriptions_qos', 'qos BETWEEN 0 AND 2')
@Check('ck_mqtt_subscriptions_format', `payload_format IN ('json', 'text', 'binary')`)
export class SubscriptionEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_mqtt_subscriptions' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => MqttConfigEntity, { onDelete: 'CASCADE', name: 'fk_mqtt_subscriptions_config' })
  mqtt_config_id!: number;

  @Column({ type: 'varchar', length: 200 })
  name!: string;

  @Column({ type: 'text' })
  topic!: string;

  /** The topic stands for itself, without prefix and pattern. */
  @Column({ type: 'boolean', default: false })
  absolute_topic!: boolean;

  @Column({ type: 'boolean', default: true })
  enabled!: boolean;

  @Column({ type: 'text', default: '' })
  description!: string;

  @Column({ type: 'jsonb', default: [] })
  actions!: ActionDefinition[];

  /** null = the config's. */
  @Column({ type: 'smallint', nullable: true })
  qos!: QoS | null;

  @Column({ type: 'varchar', length: 6, default: 'json' })
  payload_format!: PayloadFormat;

  @Column({ type: 'text', nullable: true })
  filter!: string | null;

  @Column({ type: 'text', nullable: true })
  message_key!: string | null;

  @Column({ type: 'integer', nullable: true })
  concurrency!: number | null;

  @Column({ type: 'text', default: 'none' })
  ordering!: string;

  @BigIntColumn()
  messages_received!: number;

  @TimestampColumn({ nullable: true })
  last_message_at!: Date | null;

  @BigIntColumn()
  actions_executed!: number;

  @BigIntColumn()
  actions_failed!: number;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
