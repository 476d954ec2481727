import { Column } from 'typeorm';
import { CreatedAt, TimestampColumn } from './columns';

/** What every kind of bearer token has, whoever it stands for. The token itself is nowhere. */
export abstract class BearerTokenColumns {
  @Column({ type: 'varchar', length: 100 })
  name!: string;

  /** SHA-256 of the token, hex. */
  @Column({ type: 'varchar', length: 64 })
  token_hash!: string;

  @TimestampColumn({ nullable: true })
  expires_at!: Date | null;

  @TimestampColumn({ nullable: true })
  revoked_at!: Date | null;

  @TimestampColumn({ nullable: true })
  last_used_at!: Date | null;

  @CreatedAt()
  created_at!: Date;
}
