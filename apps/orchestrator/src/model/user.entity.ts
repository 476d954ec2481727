import { Check, Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, TimestampColumn, UpdatedAt } from '../database/columns';
import type { Role } from '../http/principal';

@Entity('users')
@Unique('uq_users_email', ['email'])
@Check('ck_users_email', 'email = lower(email)')
@Check('ck_users_role', `role IN ('viewer', 'operator', 'admin')`)
export class UserEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_users' })
  id!: number;

  @Column({ type: 'varchar', length: 254 })
  email!: string;

  @Column({ type: 'varchar', length: 200, default: '' })
  name!: string;

  @Column({ type: 'varchar', length: 10 })
  role!: Role;

  /** Null: nobody can sign in with a password (not accepted yet, or signs in elsewhere). */
  @Column({ type: 'text', nullable: true })
  password_hash!: string | null;

  /** Every product is granted, those to come included. */
  @Column({ type: 'boolean', default: false })
  all_products!: boolean;

  /** A viewer who may read what messages carry; operators and administrators always may. */
  @Column({ type: 'boolean', default: false })
  may_read_payloads!: boolean;

  @Column({ type: 'boolean', default: false })
  disabled!: boolean;

  @TimestampColumn({ nullable: true })
  last_login_at!: Date | null;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
