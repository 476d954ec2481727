import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { CreatedAt, TimestampColumn } from '../../database/columns';
import { ProductEntity } from '../../model/product.entity';
import type { PlannedProductView } from './configuration-plan.view';

/** A plan, kept for an hour so that exactly what was shown is applied. */
@Entity('configuration_plans')
@Index('ix_configuration_plans_expires_at', ['expires_at'])
export class ConfigurationPlanEntity {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'pk_configuration_plans' })
  id!: string;

  /** Envelope of the request as JSON: it may carry values of secrets. */
  @Column({ type: 'text' })
  request!: string;

  @Column({ type: 'jsonb' })
  products!: PlannedProductView[];

  @Column({ type: 'text' })
  created_by!: string;

  @TimestampColumn({ nullable: true })
  applied_at!: Date | null;

  @TimestampColumn()
  expires_at!: Date;

  @CreatedAt()
  created_at!: Date;
}

/** What was applied last to a managed product, to tell drift. */
@Entity('managed_documents')
export class ManagedDocumentEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_managed_documents' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_managed_documents_product' })
  product_id!: number;

  @Column({ type: 'jsonb' })
  document!: object;

  @Column({ type: 'integer' })
  revision!: number;

  @TimestampColumn({ default: () => 'now()' })
  applied_at!: Date;
}
