import type { ConnectionEvent } from '@cortex-mqtt/contracts';
import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import { TimestampColumn } from '../../database/columns';
import { ProductEntity } from '../../model/product.entity';

/**
 * Told by the orchestrator of the product as a whole: its first connection came, its last one went, or the heartbeat of
 * its last instance stopped. Exactly one of them each time that `connected` of the status changes.
 */
export const PRODUCT_TRANSITIONS = ['online', 'offline', 'heartbeat_lost'] as const;
export type ProductTransition = (typeof PRODUCT_TRANSITIONS)[number];

/** The history of a product's connections, bounded by age and number. */
@Entity('connection_events')
@Index('ix_connection_events_product', ['product_id', 'id'])
@Index('ix_connection_events_transitions', ['product_id', 'at'], {
  where: `type IN ('online', 'offline', 'heartbeat_lost')`,
})
@Index('ix_connection_events_at', ['at'])
export class ConnectionEventEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', primaryKeyConstraintName: 'pk_connection_events' })
  id!: string;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_connection_events_product' })
  product_id!: number;

  /** Empty for what is told of the product as a whole. */
  @Column({ type: 'varchar', length: 64 })
  instance_id!: string;

  @TimestampColumn()
  at!: Date;

  @Column({ type: 'varchar', length: 40 })
  type!: ConnectionEvent['type'] | ProductTransition | 'turn_passed_on';

  @Column({ type: 'text', nullable: true })
  broker!: string | null;

  @Column({ type: 'jsonb', default: {} })
  detail!: Record<string, unknown>;
}
