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

  @Column({ type: 'text' })
  password_hash!: string;

  @Column({ type: 'boolean', default: false })
  disabled!: boolean;

  @TimestampColumn({ nullable: true })
  last_login_at!: Date | null;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
