import type { BulkFailure } from '@cortex-mqtt/queues';
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { CreatedAt, TimestampColumn, UpdatedAt } from '../../database/columns';
import { ProductEntity } from '../../model/product.entity';

export const OPERATION_KINDS = ['retry_deliveries', 'purge_deliveries'] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];
export const OPERATION_STATES = ['queued', 'running', 'finished', 'failed'] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

/** A filter as it is stored: times in RFC 3339. */
export interface StoredDeliveryFilter {
  subscription_id?: number;
  error?: string;
  from?: string;
  to?: string;
}

/** A bulk operation and how far it is; the job carries only its id. */
@Entity('operations')
@Index('ix_operations_product', ['product_id', 'created_at'])
export class OperationEntity {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'pk_operations' })
  id!: string;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_operations_product' })
  product_id!: number;

  @Column({ type: 'varchar', length: 40 })
  kind!: OperationKind;

  @Column({ type: 'varchar', length: 10, default: 'queued' })
  state!: OperationState;

  @Column({ type: 'jsonb', default: {} })
  filter!: StoredDeliveryFilter;

  /** null until they are counted. */
  @Column({ type: 'integer', nullable: true })
  total!: number | null;

  @Column({ type: 'integer', default: 0 })
  done!: number;

  @Column({ type: 'integer', default: 0 })
  failed!: number;

  @Column({ type: 'text', nullable: true })
  error!: string | null;

  /** Why it was not done with some, by reason. */
  @Column({ type: 'jsonb', default: [] })
  failures!: BulkFailure[];

  /** Name of who asked for it. */
  @Column({ type: 'text' })
  requested_by!: string;

  @TimestampColumn({ nullable: true })
  finished_at!: Date | null;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
