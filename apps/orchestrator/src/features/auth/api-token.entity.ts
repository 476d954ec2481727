import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, TimestampColumn } from '../../database/columns';
import { UserEntity } from './user.entity';

/** A bearer token that acts as its user. */
@Entity('api_tokens')
@Unique('uq_api_tokens_hash', ['token_hash'])
@Index('ix_api_tokens_user', ['user_id'])
export class ApiTokenEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_api_tokens' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => UserEntity, { onDelete: 'CASCADE', name: 'fk_api_tokens_user' })
  user_id!: number;

  @Column({ type: 'varchar', length: 100 })
  name!: string;

  /** SHA-256 of the token, hex. */
  @Column({ type: 'varchar', length: 64 })
  token_hash!: string;

  /** The token's beginning, to tell it from others. */
  @Column({ type: 'varchar', length: 16 })
  hint!: string;

  @TimestampColumn({ nullable: true })
  expires_at!: Date | null;

  @TimestampColumn({ nullable: true })
  revoked_at!: Date | null;

  @TimestampColumn({ nullable: true })
  last_used_at!: Date | null;

  @CreatedAt()
  created_at!: Date;
}
