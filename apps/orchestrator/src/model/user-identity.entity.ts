import { Column, Entity, ForeignKey, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt } from '../database/columns';
import { UserEntity } from './user.entity';

/** Who a user is at an OpenID Connect provider. Only issuer and subject together never change (OpenID Connect Core, 5.7). */
@Entity('user_identities')
@Unique('uq_user_identities_user', ['user_id'])
@Unique('uq_user_identities_subject', ['issuer', 'subject'])
export class UserIdentityEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_user_identities' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => UserEntity, { onDelete: 'CASCADE', name: 'fk_user_identities_user' })
  user_id!: number;

  /** Its id in OIDC_PROVIDERS at the latest sign-in. */
  @Column({ type: 'varchar', length: 40 })
  provider!: string;

  @Column({ type: 'text' })
  issuer!: string;

  @Column({ type: 'varchar', length: 255 })
  subject!: string;

  @CreatedAt()
  created_at!: Date;
}
