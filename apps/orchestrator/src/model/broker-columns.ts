import type { LastWill, ProtocolVersion, Transport } from '@cortex-mqtt/contracts';
import { Column } from 'typeorm';

/** The columns of a broker: the same for the primary one in `mqtt_configs` and the further ones in `mqtt_brokers`. */
export abstract class BrokerColumns {
  abstract product_id: number;

  abstract broker_host: string | null;

  @Column({ type: 'integer', default: 1883 })
  broker_port!: number;

  @Column({ type: 'boolean', default: false })
  use_tls!: boolean;

  @Column({ type: 'boolean', default: true })
  verify_cert!: boolean;

  @Column({ type: 'text', nullable: true })
  username!: string | null;

  /** Envelope of libs/secrets, never plain. */
  @Column({ type: 'text', nullable: true })
  password!: string | null;

  @Column({ type: 'text', nullable: true })
  client_id!: string | null;

  /** Seconds. */
  @Column({ type: 'integer', default: 60 })
  keep_alive!: number;

  @Column({ type: 'boolean', default: false })
  clean_session!: boolean;

  @Column({ type: 'smallint', default: 5 })
  protocol_version!: ProtocolVersion;

  @Column({ type: 'varchar', length: 3, default: 'tcp' })
  transport!: Transport;

  @Column({ type: 'text', nullable: true })
  path!: string | null;

  @Column({ type: 'text', nullable: true })
  proxy_url!: string | null;

  @Column({ type: 'text', nullable: true })
  proxy_username!: string | null;

  /** Envelope of libs/secrets, never plain. */
  @Column({ type: 'text', nullable: true })
  proxy_password!: string | null;

  @Column({ type: 'text', nullable: true })
  server_name!: string | null;

  @Column({ type: 'jsonb', default: [] })
  alpn_protocols!: string[];

  @Column({ type: 'text', nullable: true })
  ca_cert!: string | null;

  @Column({ type: 'text', nullable: true })
  client_cert!: string | null;

  /** Envelope of libs/secrets, never plain. */
  @Column({ type: 'text', nullable: true })
  client_key!: string | null;

  /** Seconds the broker keeps the session; a week by default. */
  @Column({ type: 'integer', default: 604_800 })
  session_expiry_s!: number;

  @Column({ type: 'integer', default: 10 })
  connect_timeout_s!: number;

  @Column({ type: 'integer', nullable: true })
  receive_maximum!: number | null;

  @Column({ type: 'jsonb', default: {} })
  user_properties!: Record<string, string>;

  @Column({ type: 'jsonb', nullable: true })
  last_will!: LastWill | null;
}
