import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { BigIntColumn, TimestampColumn } from '../../database/columns';
import { ProductEntity } from '../../model/product.entity';

/** Ten seconds (later: coarser) of a product's traffic, summed over its instances. */
@Entity('metric_buckets')
export class MetricBucketEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_metric_buckets' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_metric_buckets_product' })
  product_id!: number;

  /** Width of the bucket, seconds. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_metric_buckets' })
  width_s!: number;

  @PrimaryColumn({ type: 'timestamptz', primaryKeyConstraintName: 'pk_metric_buckets' })
  starts_at!: Date;

  @BigIntColumn()
  messages_received!: number;

  @BigIntColumn()
  deliveries_succeeded!: number;

  @BigIntColumn()
  deliveries_failed!: number;

  @BigIntColumn()
  actions_executed!: number;

  @BigIntColumn()
  actions_failed!: number;

  /** Highest of the instances, milliseconds; null without a delivery. */
  @Column({ type: 'real', nullable: true })
  latency_p50_ms!: number | null;

  @Column({ type: 'real', nullable: true })
  latency_p95_ms!: number | null;

  @Column({ type: 'real', nullable: true })
  latency_p99_ms!: number | null;

  @TimestampColumn({ default: () => 'now()' })
  updated_at!: Date;
}
