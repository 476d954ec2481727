import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { BearerTokenColumns } from '../../database/bearer-token-columns';
import { ProductEntity } from '../../model/product.entity';

/** Opens only `/internal/*` of its own product. */
@Entity('listener_tokens')
@Unique('uq_listener_tokens_hash', ['token_hash'])
@Index('ix_listener_tokens_product', ['product_id'])
export class ListenerTokenEntity extends BearerTokenColumns {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_listener_tokens' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_listener_tokens_product' })
  product_id!: number;
}
