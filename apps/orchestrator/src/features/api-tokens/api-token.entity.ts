import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { BearerTokenColumns } from '../../database/bearer-token-columns';
import { UserEntity } from '../../model/user.entity';

/** A bearer token that acts as its user. */
@Entity('api_tokens')
@Unique('uq_api_tokens_hash', ['token_hash'])
@Index('ix_api_tokens_user', ['user_id'])
export class ApiTokenEntity extends BearerTokenColumns {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_api_tokens' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => UserEntity, { onDelete: 'CASCADE', name: 'fk_api_tokens_user' })
  user_id!: number;

  /** The token's beginning, to tell it from others. */
  @Column({ type: 'varchar', length: 16 })
  hint!: string;
}
