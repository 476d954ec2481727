import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, TimestampColumn } from '../../database/columns';
import { ProductEntity } from '../products/product.entity';

/** Opens only `/internal/*` of its own product. */
@Entity('listener_tokens')
@Unique('uq_listener_tokens_hash', ['token_hash'])
@Index('ix_listener_tokens_product', ['product_id'])
export class ListenerTokenEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_listener_tokens' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_listener_tokens_product' })
  product_id!: number;

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
