import { Column } from 'typeorm';
import { type BrokerColumnValues, type BrokerSecretName, brokerColumns } from './broker-field-table';

/** The columns of a broker: the same for the primary one in `mqtt_configs` and the further ones in `mqtt_brokers`. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the columns are those of the table, added below.
export abstract class BrokerColumns {
  abstract product_id: number;

  abstract broker_host: string | null;

  /** Names that the secrets have in configuration files, for those that got one there. */
  @Column({ type: 'jsonb', default: {} })
  secret_names!: Partial<Record<BrokerSecretName, string>>;
}
export interface BrokerColumns extends BrokerColumnValues {}

for (const [name, options] of brokerColumns()) Column(options)(BrokerColumns.prototype, name);
