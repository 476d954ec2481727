import { IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { type BrokerRequest, decorateRequest, HOST_MESSAGE, HOST_PATTERN } from '../../model/broker-field-table';

/** Everything about a broker but its host. An absent field keeps what is stored; for secrets null clears. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the fields are those of the table, added below.
export class BrokerSettingsDto {}
export interface BrokerSettingsDto extends BrokerRequest {}
decorateRequest(BrokerSettingsDto.prototype);

/** How to reach a broker. */
export class BrokerDto extends BrokerSettingsDto {
  @IsString()
  @MinLength(1)
  @MaxLength(255)
  @Matches(HOST_PATTERN, { message: HOST_MESSAGE })
  @MayBeAbsent()
  host?: string;
}
