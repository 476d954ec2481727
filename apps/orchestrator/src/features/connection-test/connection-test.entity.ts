import type { ConnectionTestResult, StageResult } from '@cortex-mqtt/contracts';
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { CreatedAt, TimestampColumn } from '../../database/columns';
import { ProductEntity } from '../../model/product.entity';

/** One connection test, kept for minutes: the job carries only its id. */
@Entity('connection_tests')
@Index('ix_connection_tests_product', ['product_id'])
@Index('ix_connection_tests_expires_at', ['expires_at'])
export class ConnectionTestEntity {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'pk_connection_tests' })
  id!: string;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_connection_tests_product' })
  product_id!: number;

  /** Envelope of the ConnectionTestRequest as JSON. */
  @Column({ type: 'text' })
  request!: string;

  @Column({ type: 'jsonb', default: [] })
  stages!: StageResult[];

  @Column({ type: 'jsonb', nullable: true })
  result!: ConnectionTestResult | null;

  @TimestampColumn()
  expires_at!: Date;

  @CreatedAt()
  created_at!: Date;
}
