import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { TimestampColumn } from '../../database/columns';

/** Failed sign-ins of one source within a window; in the database, so that all orchestrators count together. */
@Entity('login_failures')
@Index('ix_login_failures_window', ['window_started_at'])
export class LoginFailureEntity {
  /** SHA-256 of what is counted, hex. */
  @PrimaryColumn({ type: 'varchar', length: 64, primaryKeyConstraintName: 'pk_login_failures' })
  key!: string;

  @Column({ type: 'integer' })
  failures!: number;

  @TimestampColumn()
  window_started_at!: Date;
}
