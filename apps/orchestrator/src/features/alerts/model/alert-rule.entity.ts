import type { ActiveHours, RuleKind, Severity, SeverityStep } from '@cortex-mqtt/alerting';
import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import { CreatedAt, UpdatedAt } from '../../../database/columns';
import { SubscriptionEntity } from '../../../model/subscription.entity';

@Entity('alert_rules')
@Index('ix_alert_rules_subscription', ['subscription_id'])
export class AlertRuleEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_alert_rules' })
  id!: number;

  @Column({ type: 'varchar', length: 200 })
  name!: string;

  @Column({ type: 'varchar', length: 40 })
  kind!: RuleKind;

  @Column({ type: 'boolean', default: true })
  enabled!: boolean;

  @Column({ type: 'boolean', default: true })
  all_products!: boolean;

  @Column({ type: 'jsonb', default: [] })
  product_ids!: number[];

  @Column({ type: 'integer', nullable: true })
  @ForeignKey(() => SubscriptionEntity, { onDelete: 'CASCADE', name: 'fk_alert_rules_subscription' })
  subscription_id!: number | null;

  @Column({ type: 'double precision' })
  threshold!: number;

  @Column({ type: 'double precision', nullable: true })
  resolve_threshold!: number | null;

  @Column({ type: 'integer' })
  window_s!: number;

  @Column({ type: 'integer', default: 0 })
  min_count!: number;

  @Column({ type: 'integer' })
  for_s!: number;

  @Column({ type: 'integer' })
  keep_firing_for_s!: number;

  @Column({ type: 'varchar', length: 10 })
  severity!: Severity;

  @Column({ type: 'jsonb', default: [] })
  severity_steps!: SeverityStep[];

  @Column({ type: 'varchar', length: 10, default: 'ignore' })
  no_data!: 'ignore' | 'fire';

  @Column({ type: 'varchar', length: 64, nullable: true })
  topic_parameter!: string | null;

  @Column({ type: 'double precision', nullable: true })
  usual_gap_factor!: number | null;

  @Column({ type: 'jsonb', nullable: true })
  active_hours!: ActiveHours | null;

  @Column({ type: 'text', nullable: true })
  runbook_url!: string | null;

  @Column({ type: 'jsonb', default: {} })
  labels!: Record<string, string>;

  @Column({ type: 'jsonb', default: [] })
  channel_ids!: number[];

  @Column({ type: 'integer', default: 1 })
  revision!: number;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
