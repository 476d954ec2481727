import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { TimestampColumn } from '../../database/columns';
import { ProductEntity } from '../../model/product.entity';

/** Whose turn it is, of a product's listeners that use one session at the broker in turn. */
@Entity('product_leases')
export class ProductLeaseEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_product_leases' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_product_leases_product' })
  product_id!: number;

  @Column({ type: 'varchar', length: 64 })
  instance_id!: string;

  /** The process of that instance which was granted it last. */
  @Column({ type: 'varchar', length: 64 })
  boot_id!: string;

  /** Rises by one each time that another instance gets it. */
  @Column({ type: 'integer' })
  term!: number;

  @TimestampColumn()
  acquired_at!: Date;

  /** When its holder was connected last, or got it. */
  @TimestampColumn()
  connected_at!: Date;

  @TimestampColumn()
  expires_at!: Date;
}
