import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { TimestampColumn } from '../../database/columns';

/** A sign-in that is under way at a provider. It is deleted by the first answer that names it. */
@Entity('sign_in_attempts')
@Index('ix_sign_in_attempts_expires_at', ['expires_at'])
export class SignInAttemptEntity {
  /** SHA-256 of the `state` parameter, hex. */
  @PrimaryColumn({ type: 'varchar', length: 64, primaryKeyConstraintName: 'pk_sign_in_attempts' })
  state_hash!: string;

  @Column({ type: 'varchar', length: 40 })
  provider!: string;

  /** SHA-256 of the cookie of the browser that began it, hex. */
  @Column({ type: 'varchar', length: 64 })
  browser_hash!: string;

  /** Path of the console to open afterwards. */
  @Column({ type: 'text' })
  return_to!: string;

  @TimestampColumn()
  expires_at!: Date;
}
