import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { BearerTokenColumns } from '../../database/bearer-token-columns';
import type { Scope } from '../../http/principal';
import { UserEntity } from '../../model/user.entity';

/** A bearer token that acts as its user. */
@Entity('api_tokens')
@Unique('uq_api_tokens_hash', ['token_hash'])
@Index('ix_api_tokens_user', ['user_id'])
@Index('ix_api_tokens_parent', ['parent_id'])
@Check('ck_api_tokens_scopes', `scopes <@ ARRAY['read', 'write', 'tokens']`)
export class ApiTokenEntity extends BearerTokenColumns {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_api_tokens' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => UserEntity, { onDelete: 'CASCADE', name: 'fk_api_tokens_user' })
  user_id!: number;

  /** The token's beginning, to tell it from others. */
  @Column({ type: 'varchar', length: 16 })
  hint!: string;

  @Column({ type: 'text', array: true, default: ['read', 'write'] })
  scopes!: Scope[];

  /** Null = whatever its user may see. */
  @Column({ type: 'integer', array: true, nullable: true })
  product_ids!: number[] | null;

  /** The token that made this one, which never outlives it. */
  @Column({ type: 'integer', nullable: true })
  @ForeignKey(() => ApiTokenEntity, { onDelete: 'CASCADE', name: 'fk_api_tokens_parent' })
  parent_id!: number | null;
}
