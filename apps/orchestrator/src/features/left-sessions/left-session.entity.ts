import type { LeftSession, LeftSessionReason } from '@cortex-mqtt/contracts';
import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { TimestampColumn } from '../../database/columns';

/** A session that a broker keeps and no configuration uses any more. Outlives its product. */
@Entity('left_sessions')
@Index('ix_left_sessions_product', ['product_id'], { where: 'ended_at IS NULL' })
// A GIN index, which the entity can't describe.
@Index('ix_left_sessions_tokens', { synchronize: false })
export class LeftSessionEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'integer',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'pk_left_sessions',
  })
  id!: number;

  @Column({ type: 'integer' })
  product_id!: number;

  @Column({ type: 'text' })
  product_name!: string;

  @Column({ type: 'varchar', length: 40 })
  reason!: LeftSessionReason;

  @Column({ type: 'varchar', length: 255 })
  host!: string;

  @Column({ type: 'integer' })
  port!: number;

  @Column({ type: 'text' })
  client_id!: string;

  /** Envelope of the broker's connection as JSON. */
  @Column({ type: 'text' })
  connection!: string;

  @Column({ type: 'text', nullable: true })
  shared_group!: string | null;

  @Column({ type: 'jsonb', default: [] })
  subscriptions!: LeftSession['subscriptions'];

  /** Of a deleted product: its listeners learn by these that it is gone. */
  @Column({ type: 'text', array: true, default: '{}' })
  listener_token_hashes!: string[];

  @TimestampColumn({ default: () => 'now()' })
  left_at!: Date;

  /** The broker keeps it no longer than this. */
  @TimestampColumn()
  expires_at!: Date;

  @Column({ type: 'text', nullable: true })
  claimed_by!: string | null;

  @TimestampColumn({ nullable: true })
  claimed_until!: Date | null;

  @Column({ type: 'integer', default: 0 })
  attempts!: number;

  @TimestampColumn({ default: () => 'now()' })
  next_attempt_at!: Date;

  @Column({ type: 'text', nullable: true })
  last_error!: string | null;

  /** Messages that it held; null until it is ended. */
  @Column({ type: 'integer', nullable: true })
  messages!: number | null;

  @TimestampColumn({ nullable: true })
  ended_at!: Date | null;
}
