import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { CreatedAt } from '../../database/columns';

/** No foreign key on purpose: what was done to a product outlives the product. */
@Entity('audit_logs')
@Index('ix_audit_logs_product', ['product_id', 'id'])
@Index('ix_audit_logs_created_at', ['created_at'])
export class AuditLogEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', primaryKeyConstraintName: 'pk_audit_logs' })
  id!: string;

  @CreatedAt()
  created_at!: Date;

  @Column({ type: 'varchar', length: 20 })
  actor_kind!: 'user' | 'listener' | 'system';

  @Column({ type: 'integer', nullable: true })
  actor_id!: number | null;

  /** E-mail address of a user, name of a listener instance. */
  @Column({ type: 'text' })
  actor_name!: string;

  @Column({ type: 'text', nullable: true })
  ip!: string | null;

  @Column({ type: 'text', nullable: true })
  request_id!: string | null;

  /** `<entity_type>.<verb>`, such as `mqtt_config.update`. */
  @Column({ type: 'varchar', length: 60 })
  action!: string;

  @Column({ type: 'varchar', length: 40 })
  entity_type!: string;

  @Column({ type: 'text', nullable: true })
  entity_id!: string | null;

  /** As it was called then, where it has a name. */
  @Column({ type: 'text', nullable: true })
  entity_name!: string | null;

  @Column({ type: 'integer', nullable: true })
  product_id!: number | null;

  /** Only what changed; secrets as `[redacted]`. */
  @Column({ type: 'jsonb', nullable: true })
  before!: Record<string, unknown> | null;

  @Column({ type: 'jsonb', nullable: true })
  after!: Record<string, unknown> | null;
}
