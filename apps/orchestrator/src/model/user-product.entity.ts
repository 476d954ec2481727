import { Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { ProductEntity } from './product.entity';
import { UserEntity } from './user.entity';

/** Products granted to a user: a viewer reads them, an operator changes them. */
@Entity('user_products')
@Index('ix_user_products_product', ['product_id'])
export class UserProductEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_user_products' })
  @ForeignKey(() => UserEntity, { onDelete: 'CASCADE', name: 'fk_user_products_user' })
  user_id!: number;

  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_user_products' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_user_products_product' })
  product_id!: number;
}
