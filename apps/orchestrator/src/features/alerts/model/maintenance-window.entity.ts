import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { CreatedAt, TimestampColumn } from '../../../database/columns';

@Entity('maintenance_windows')
export class MaintenanceWindowEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_maintenance_windows' })
  id!: number;

  @Column({ type: 'varchar', length: 200 })
  name!: string;

  @Column({ type: 'boolean', default: false })
  all_products!: boolean;

  @Column({ type: 'jsonb', default: [] })
  product_ids!: number[];

  @Column({ type: 'varchar', length: 10 })
  repeats!: 'once' | 'weekly';

  @TimestampColumn({ nullable: true })
  starts_at!: Date | null;

  @TimestampColumn({ nullable: true })
  ends_at!: Date | null;

  @Column({ type: 'jsonb', default: [] })
  days!: number[];

  @Column({ type: 'varchar', length: 5, nullable: true })
  from_time!: string | null;

  @Column({ type: 'varchar', length: 5, nullable: true })
  to_time!: string | null;

  @Column({ type: 'varchar', length: 64, default: 'UTC' })
  timezone!: string;

  @Column({ type: 'text' })
  created_by!: string;

  @CreatedAt()
  created_at!: Date;
}
