import { IsOptional, IsString } from 'class-validator';
import { type BrokerSecretFlags, type BrokerSettings, decorateView } from '../../model/broker-field-table';

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the fields are those of the table, added below.
export class BrokerView {
  /** null = not configured yet. */
  @IsString()
  @IsOptional()
  host!: string | null;
}
export interface BrokerView extends BrokerSettings, BrokerSecretFlags {}
decorateView(BrokerView.prototype);
