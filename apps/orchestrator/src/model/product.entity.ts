import { Check, Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, UpdatedAt } from '../database/columns';

@Entity('products')
@Unique('uq_products_slug', ['slug'])
@Check('ck_products_slug', `slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'`)
@Check('ck_products_replicas', 'replicas BETWEEN 1 AND 50')
@Check('ck_products_managed_console', `managed_console IN ('drift', 'lock')`)
@Index('ix_products_managed_by', ['managed_by'], { where: 'managed_by IS NOT NULL' })
export class ProductEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_products' })
  id!: number;

  @Column({ type: 'varchar', length: 200 })
  name!: string;

  @Column({ type: 'varchar', length: 63 })
  slug!: string;

  @Column({ type: 'text', default: '' })
  description!: string;

  @Column({ type: 'boolean', default: true })
  enabled!: boolean;

  /** Listeners that a runtime keeps: they share the load of a shared group, and take turns elsewhere. */
  @Column({ type: 'integer', default: 1 })
  replicas!: number;

  /** Queues that its actions may add jobs to; `x*` are those that begin with x, null every one that is not ours. */
  @Column({ type: 'text', array: true, nullable: true })
  allowed_queues!: string[] | null;

  /** Values of `{name}` in topics. */
  @Column({ type: 'jsonb', default: {} })
  variables!: Record<string, string>;

  /** Name of what keeps the product as its files say; null = people do, in the console and over REST. */
  @Column({ type: 'varchar', length: 100, nullable: true })
  managed_by!: string | null;

  /** What becomes of a change that comes from elsewhere while the product is managed: let in and shown, or refused. */
  @Column({ type: 'varchar', length: 5, default: 'drift' })
  managed_console!: 'drift' | 'lock';

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
