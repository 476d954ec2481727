import type { StatusReport } from '@cortex-mqtt/contracts';
import { Column, Entity, ForeignKey, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { BigIntColumn, CreatedAt, TimestampColumn } from '../database/columns';
import { ProductEntity } from './product.entity';

/** One row per listener process that ever reported; its last report whole. */
@Entity('listener_instances')
@Unique('uq_listener_instances_instance', ['product_id', 'instance_id'])
export class ListenerInstanceEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_listener_instances' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_listener_instances_product' })
  product_id!: number;

  @Column({ type: 'varchar', length: 64 })
  instance_id!: string;

  @Column({ type: 'varchar', length: 64 })
  boot_id!: string;

  @BigIntColumn()
  sequence!: number;

  /** The last delta of this boot that was applied. */
  @BigIntColumn()
  delta_sequence!: number;

  @Column({ type: 'jsonb' })
  report!: StatusReport;

  @TimestampColumn()
  last_heartbeat_at!: Date;

  /** When `report` was received; later heartbeats said the same. null: written by an older version. */
  @TimestampColumn({ nullable: true })
  received_at!: Date | null;

  /** Set by the last report of a clean shutdown. */
  @TimestampColumn({ nullable: true })
  stopped_at!: Date | null;

  @CreatedAt()
  created_at!: Date;
}
