import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { CreatedAt } from '../../database/columns';
import { ProductEntity } from '../../model/product.entity';

/** One request to reconnect: its generation, and the instances that were live when it was made. */
@Entity('reconnects')
@Index('ix_reconnects_product', ['product_id'])
export class ReconnectEntity {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'pk_reconnects' })
  id!: string;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_reconnects_product' })
  product_id!: number;

  @Column({ type: 'integer' })
  generation!: number;

  @Column({ type: 'jsonb', default: [] })
  instance_ids!: string[];

  @CreatedAt()
  created_at!: Date;
}
