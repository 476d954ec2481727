import type { Severity } from '@cortex-mqtt/alerting';
import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, UpdatedAt } from '../../../database/columns';
import type { ChannelTypeName } from './channel-type-names';

@Entity('alert_channels')
@Unique('uq_alert_channels_name', ['name'])
export class AlertChannelEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_alert_channels' })
  id!: number;

  @Column({ type: 'varchar', length: 200 })
  name!: string;

  @Column({ type: 'varchar', length: 20 })
  type!: ChannelTypeName;

  @Column({ type: 'boolean', default: true })
  enabled!: boolean;

  /** Fields of its type that anybody may read. */
  @Column({ type: 'jsonb', default: {} })
  settings!: Record<string, unknown>;

  /** Sealed JSON of the fields that nobody may. */
  @Column({ type: 'text', nullable: true })
  secrets!: string | null;

  @Column({ type: 'jsonb', default: [] })
  severities!: Severity[];

  @Column({ type: 'jsonb', default: [] })
  product_ids!: number[];

  @Column({ type: 'jsonb', default: {} })
  labels!: Record<string, string>;

  @Column({ type: 'boolean', default: true })
  send_resolved!: boolean;

  /** null = none. */
  @Column({ type: 'integer', nullable: true })
  reminder_every_s!: number | null;

  /** 0 = told at once; else once an incident is unacknowledged for this long. */
  @Column({ type: 'integer', default: 0 })
  escalate_after_s!: number;

  @Column({ type: 'integer', default: 1 })
  revision!: number;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
