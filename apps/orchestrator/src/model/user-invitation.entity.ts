import { Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import { CreatedAt, TimestampColumn } from '../database/columns';
import { UserEntity } from './user.entity';

/** A link with which a new user chooses a password, once. Only the hash of its token is kept. */
@Entity('user_invitations')
@Unique('uq_user_invitations_token', ['token_hash'])
export class UserInvitationEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_user_invitations' })
  @ForeignKey(() => UserEntity, { onDelete: 'CASCADE', name: 'fk_user_invitations_user' })
  user_id!: number;

  /** SHA-256, hex. */
  @Column({ type: 'varchar', length: 64 })
  token_hash!: string;

  @TimestampColumn()
  expires_at!: Date;

  @CreatedAt()
  created_at!: Date;
}
