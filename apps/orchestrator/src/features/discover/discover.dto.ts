import { Type } from 'class-transformer';
import { IsInt, IsString, Max, MaxLength, Min, MinLength, ValidateNested } from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { BrokerDto } from '../brokers/broker-settings.dto';

export class DiscoverDto {
  @IsString()
  @MinLength(1)
  @MaxLength(65_535)
  filter!: string;

  /** How long to listen; 10 by default. */
  @IsInt()
  @Min(1)
  @Max(60)
  @MayBeAbsent()
  seconds?: number;

  /** As it would be saved: absent fields, secrets too, are those stored. */
  @ValidateNested()
  @Type(() => BrokerDto)
  @MayBeAbsent()
  broker?: BrokerDto;
}
