import type { ConnectionEvent } from '@cortex-mqtt/contracts';
import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import { TimestampColumn } from '../../database/columns';
import { ProductEntity } from '../products/product.entity';

/** The history of a product's connections, bounded by age and number. */
@Entity('connection_events')
@Index('ix_connection_events_product', ['product_id', 'id'])
@Index('ix_connection_events_at', ['at'])
export class ConnectionEventEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', primaryKeyConstraintName: 'pk_connection_events' })
  id!: string;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_connection_events_product' })
  product_id!: number;

  @Column({ type: 'varchar', length: 64 })
  instance_id!: string;

  @TimestampColumn()
  at!: Date;

  /** One of ConnectionEvent's types, or `heartbeat_lost`, told by the orchestrator. */
  @Column({ type: 'varchar', length: 40 })
  type!: ConnectionEvent['type'] | 'heartbeat_lost';

  @Column({ type: 'text', nullable: true })
  broker!: string | null;

  @Column({ type: 'jsonb', default: {} })
  detail!: Record<string, unknown>;
}
