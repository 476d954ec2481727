import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, TimestampColumn } from '../database/columns';
import { UserEntity } from './user.entity';
import { UserIdentityEntity } from './user-identity.entity';

/** A login of the console, by the SHA-256 of its cookie, hex. */
@Entity('sessions')
@Unique('uq_sessions_token', ['token_hash'])
@Index('ix_sessions_user', ['user_id'])
@Index('ix_sessions_expires_at', ['expires_at'])
@Index('ix_sessions_identity', ['identity_id'])
export class SessionEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_sessions' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => UserEntity, { onDelete: 'CASCADE', name: 'fk_sessions_user' })
  user_id!: number;

  @Column({ type: 'varchar', length: 64 })
  token_hash!: string;

  /** The identity at a provider that it was opened with; null = a password. */
  @Column({ type: 'integer', nullable: true })
  @ForeignKey(() => UserIdentityEntity, { onDelete: 'CASCADE', name: 'fk_sessions_identity' })
  identity_id!: number | null;

  /** The provider's own name of its session (`sid`), by which it signs out. */
  @Column({ type: 'text', nullable: true })
  provider_session!: string | null;

  @Column({ type: 'text', nullable: true })
  ip!: string | null;

  @Column({ type: 'text', nullable: true })
  user_agent!: string | null;

  /** To the minute. */
  @TimestampColumn({ nullable: true })
  last_used_at!: Date | null;

  @TimestampColumn()
  expires_at!: Date;

  @CreatedAt()
  created_at!: Date;
}
