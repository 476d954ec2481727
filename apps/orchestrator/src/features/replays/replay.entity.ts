import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { CreatedAt, TimestampColumn } from '../../database/columns';
import type { UpdateSubscriptionDto } from '../subscriptions/subscription.dto';
import { ProductEntity } from '../../model/product.entity';

export const REPLAY_STATES = ['planned', 'running', 'paused', 'cancelled', 'done', 'failed'] as const;
export type ReplayState = (typeof REPLAY_STATES)[number];

export const REPLAY_ONLY = ['not_delivered', 'failed', 'all'] as const;
export type ReplayOnly = (typeof REPLAY_ONLY)[number];

export interface ReplaySelection {
  from?: string;
  to?: string;
  topic?: string;
  subscription_id?: number;
  text?: string;
  where?: string;
  message_ids?: string[];
  include_retained?: boolean;
}

/** Which subscriptions the messages go to; without one those of the product as they are. */
export interface ReplayTarget {
  subscription_ids?: number[];
  /** Another product, whose subscriptions are matched by topic. */
  product_id?: number;
  /** A subscription that is not saved: nothing is sent. */
  draft?: UpdateSubscriptionDto;
  /** Another webhook, which gets the envelope of each message. */
  url?: string;
}

export interface ReplayPlan {
  messages: number;
  deliveries: number;
  bytes: number;
  gaps: number;
  by_subscription: { id: number; name: string; messages: number }[];
  /** Messages by how they had ended; absent in older plans. */
  by_outcome?: Record<string, number>;
  seconds: number;
  /** False: so much is selected that the numbers are estimated from a part of it. */
  exact: boolean;
}

/** Recorded messages that are run again. The row says what and how far; any orchestrator carries it on. */
@Entity('replays')
@Index('ix_replays_product', ['product_id', 'created_at'])
@Index('ix_replays_running', ['state'], { where: `state = 'running'` })
export class ReplayEntity {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'pk_replays' })
  id!: string;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_replays_product' })
  product_id!: number;

  @Column({ type: 'varchar', length: 10 })
  state!: ReplayState;

  @Column({ type: 'jsonb' })
  selection!: ReplaySelection;

  @Column({ type: 'varchar', length: 20 })
  only!: ReplayOnly;

  @Column({ type: 'varchar', length: 10 })
  ids!: 'original' | 'new';

  @Column({ type: 'real' })
  rate_per_s!: number;

  /** How much faster than they came; null = by the rate alone. */
  @Column({ type: 'real', nullable: true })
  pace!: number | null;

  @Column({ type: 'jsonb' })
  target!: ReplayTarget;

  @Column({ type: 'jsonb' })
  plan!: ReplayPlan;

  /** The selection is frozen: what is received later is not part of it. */
  @Column({ type: 'varchar', length: 26, collation: 'C' })
  before_id!: string;

  /** Everything up to this message has been queued. */
  @Column({ type: 'varchar', length: 26, collation: 'C' })
  position_id!: string;

  /** The end of the selection has been reached. */
  @Column({ type: 'boolean', default: false })
  is_read!: boolean;

  /** Of a draft: what would not have been sent. */
  @Column({ type: 'integer', default: 0 })
  filtered!: number;

  @Column({ type: 'text', nullable: true })
  error!: string | null;

  @Column({ type: 'text' })
  requested_by!: string;

  @Column({ type: 'varchar', length: 40, nullable: true })
  lease_owner!: string | null;

  @TimestampColumn({ nullable: true })
  lease_until!: Date | null;

  @CreatedAt()
  created_at!: Date;

  @TimestampColumn({ nullable: true })
  started_at!: Date | null;

  @TimestampColumn({ nullable: true })
  finished_at!: Date | null;
}
