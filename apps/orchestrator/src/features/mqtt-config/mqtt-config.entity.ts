import type { LastWill, ProtocolVersion, QoS, Transport } from '@cortex-mqtt/contracts';
import { Check, Column, Entity, ForeignKey, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, UpdatedAt } from '../../database/columns';
import { ProductEntity } from '../products/product.entity';

/** The primary broker and the topics of a product; also the keeper of its revision. */
@Entity('mqtt_configs')
@Unique('uq_mqtt_configs_product', ['product_id'])
@Check('ck_mqtt_configs_port', 'broker_port BETWEEN 1 AND 65535')
@Check('ck_mqtt_configs_qos', 'qos BETWEEN 0 AND 2')
@Check('ck_mqtt_configs_keep_alive', 'keep_alive BETWEEN 0 AND 65535')
@Check('ck_mqtt_configs_protocol', 'protocol_version IN (4, 5)')
@Check('ck_mqtt_configs_transport', `transport IN ('tcp', 'tls', 'ws', 'wss')`)
@Check('ck_mqtt_configs_receive_maximum', 'receive_maximum BETWEEN 1 AND 65535')
export class MqttConfigEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_mqtt_configs' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_mqtt_configs_product' })
  product_id!: number;

  /** null until somebody configures the broker. */
  @Column({ type: 'varchar', length: 255, nullable: true })
  broker_host!: string | null;

  @Column({ type: 'integer', default: 1883 })
  broker_port!: number;

  @Column({ type: 'boolean', default: false })
  use_tls!: boolean;

  @Column({ type: 'boolean', default: true })
  verify_cert!: boolean;

  @Column({ type: 'text', nullable: true })
  username!: string | null;

  /** Envelope of libs/secrets, never plain. */
  @Column({ type: 'text', nullable: true })
  password!: string | null;

  @Column({ type: 'text', nullable: true })
  client_id!: string | null;

  /** Seconds. */
  @Column({ type: 'integer', default: 60 })
  keep_alive!: number;

  @Column({ type: 'boolean', default: false })
  clean_session!: boolean;

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

  @Column({ type: 'integer', default: 0 })
  reconnect_generation!: number;

  @Column({ type: 'smallint', default: 5 })
  protocol_version!: ProtocolVersion;

  @Column({ type: 'varchar', length: 3, default: 'tcp' })
  transport!: Transport;

  @Column({ type: 'text', nullable: true })
  path!: string | null;

  @Column({ type: 'text', nullable: true })
  server_name!: string | null;

  @Column({ type: 'jsonb', default: [] })
  alpn_protocols!: string[];

  @Column({ type: 'text', nullable: true })
  ca_cert!: string | null;

  @Column({ type: 'text', nullable: true })
  client_cert!: string | null;

  /** Envelope of libs/secrets, never plain. */
  @Column({ type: 'text', nullable: true })
  client_key!: string | null;

  /** Seconds the broker keeps the session; a week by default. */
  @Column({ type: 'integer', default: 604_800 })
  session_expiry_s!: number;

  @Column({ type: 'integer', default: 10 })
  connect_timeout_s!: number;

  @Column({ type: 'integer', nullable: true })
  receive_maximum!: number | null;

  @Column({ type: 'jsonb', default: {} })
  user_properties!: Record<string, string>;

  @Column({ type: 'jsonb', nullable: true })
  last_will!: LastWill | null;

  /** Milliseconds before an unfinished delivery goes to the queue. */
  @Column({ type: 'integer', default: 20 })
  handover_after_ms!: number;

  @Column({ type: 'integer', nullable: true })
  failover_after_s!: number | null;

  @Column({ type: 'integer', nullable: true })
  failback_after_s!: number | null;

  @Column({ type: 'text', nullable: true })
  probe_topic!: string | null;

  @Column({ type: 'integer', default: 30 })
  probe_interval_s!: number;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
