import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { TimestampColumn } from '../database/columns';
import { ProductEntity } from './product.entity';

export const CONTAINER_STATES = [
  'pulling',
  'starting',
  'running',
  'unhealthy',
  'restarting',
  'exited',
  'out_of_memory',
  'failed',
] as const;
export type ContainerState = (typeof CONTAINER_STATES)[number];

/** A listener's container (docker) or pod (kubernetes) as the runtime last saw it. */
export interface ListenerContainer {
  name: string;
  instance_id: string;
  runtime: 'docker' | 'kubernetes';
  image: string;
  state: ContainerState;
  /** ISO 8601; since when the state holds. */
  since: string;
  /** Why it is not running, or why it was started again last; null = nothing is known against it. */
  reason: string | null;
  /** Of its last end; null = it has not ended, or nobody saw it. */
  exit_code: number | null;
  restarts: number;
  /** What it wrote before its last end. It may hold payloads: shown to those who may read them. */
  last_lines: string[];
}

/** The containers of a product, replaced as a whole; `seen_at` is raised at every look. */
@Entity('listener_containers')
export class ListenerContainersEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_listener_containers' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_listener_containers_product' })
  product_id!: number;

  @Column({ type: 'jsonb' })
  containers!: ListenerContainer[];

  @TimestampColumn({ default: () => 'now()' })
  seen_at!: Date;
}
