import type { ConnectionState, ReportedSession } from '@cortex-mqtt/contracts';
import { Column, Entity, ForeignKey, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { BigIntColumn, TimestampColumn, UpdatedAt } from '../database/columns';
import { ProductEntity } from './product.entity';

/** The sum over a product's live listener instances. */
@Entity('mqtt_connection_status')
@Unique('uq_mqtt_connection_status_product', ['product_id'])
export class ConnectionStatusEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_mqtt_connection_status' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_mqtt_connection_status_product' })
  product_id!: number;

  @Column({ type: 'boolean', default: false })
  connected!: boolean;

  @TimestampColumn({ nullable: true })
  last_connected_at!: Date | null;

  @TimestampColumn({ nullable: true })
  last_disconnected_at!: Date | null;

  @Column({ type: 'text', nullable: true })
  connection_error!: string | null;

  @BigIntColumn()
  messages_received!: number;

  @TimestampColumn({ nullable: true })
  last_message_at!: Date | null;

  @Column({ type: 'integer', default: 0 })
  subscribed_topics_count!: number;

  @Column({ type: 'text', nullable: true })
  client_id!: string | null;

  @Column({ type: 'jsonb', default: {} })
  broker_info!: Record<string, unknown>;

  @Column({ type: 'varchar', length: 20, default: 'no_listener' })
  state!: ConnectionState;

  @Column({ type: 'integer', default: 0 })
  desired_revision!: number;

  /** The lowest among the live instances; null without one. */
  @Column({ type: 'integer', nullable: true })
  applied_revision!: number | null;

  @Column({ type: 'jsonb', default: [] })
  known_sessions!: ReportedSession[];

  @UpdatedAt()
  updated_at!: Date;
}
