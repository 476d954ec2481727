import { Column, Entity, ForeignKey, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, UpdatedAt } from '../database/columns';
import { ProductEntity } from './product.entity';

@Entity('product_secrets')
@Unique('uq_product_secrets_name', ['product_id', 'name'])
export class ProductSecretEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_product_secrets' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_product_secrets_product' })
  product_id!: number;

  @Column({ type: 'varchar', length: 64 })
  name!: string;

  /** Envelope of libs/secrets, never plain; null = known by its name, and a value has yet to be given. */
  @Column({ type: 'text', nullable: true })
  value!: string | null;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
