import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { CreatedAt, UpdatedAt } from '../database/columns';
import { BrokerColumns } from './broker-columns';
import { ProductEntity } from './product.entity';

/** A broker to fail over to. The primary one is the row in `mqtt_configs`. */
@Entity('mqtt_brokers')
@Unique('uq_mqtt_brokers_name', ['product_id', 'name'])
@Index('ix_mqtt_brokers_position', ['product_id', 'position'])
@Check('ck_mqtt_brokers_name', `name <> 'primary'`)
@Check('ck_mqtt_brokers_port', 'broker_port BETWEEN 1 AND 65535')
@Check('ck_mqtt_brokers_keep_alive', 'keep_alive BETWEEN 0 AND 65535')
@Check('ck_mqtt_brokers_protocol', 'protocol_version IN (4, 5)')
@Check('ck_mqtt_brokers_transport', `transport IN ('tcp', 'tls', 'ws', 'wss')`)
@Check('ck_mqtt_brokers_connections', `connections IN ('several', 'one')`)
@Check('ck_mqtt_brokers_receive_maximum', 'receive_maximum BETWEEN 1 AND 65535')
@Check('ck_mqtt_brokers_proxy', `proxy_url IS NULL OR transport IN ('ws', 'wss')`)
export class MqttBrokerEntity extends BrokerColumns {
  @PrimaryGeneratedColumn('identity', { type: 'integer', primaryKeyConstraintName: 'pk_mqtt_brokers' })
  id!: number;

  @Column({ type: 'integer' })
  @ForeignKey(() => ProductEntity, { onDelete: 'CASCADE', name: 'fk_mqtt_brokers_product' })
  product_id!: number;

  /** What listeners report and events tell; unique within the product. */
  @Column({ type: 'varchar', length: 100 })
  name!: string;

  /** Order of preference, rising. */
  @Column({ type: 'integer' })
  position!: number;

  @Column({ type: 'varchar', length: 255 })
  broker_host!: string;

  @CreatedAt()
  created_at!: Date;

  @UpdatedAt()
  updated_at!: Date;
}
