import { ArrayMaxSize, IsArray, IsInt, IsString, Matches, Max, MaxLength, MinLength, NotEquals } from 'class-validator';
import { MAX_ID } from '../../http/route-params';
import { MayBeAbsent } from '../../http/optional';
import { PRIMARY_BROKER } from './broker-secrets';
import { HOST_MESSAGE, HOST_PATTERN } from '../../model/broker-field-table';
import { BrokerDto, BrokerSettingsDto } from './broker-settings.dto';
import { BrokerView } from './broker.view';

/** Further brokers a product may have. */
export const MAX_FURTHER_BROKERS = 9;
export const NAME_PATTERN = /^\S(?:.*\S)?$/;
export const NAME_MESSAGE = 'must not begin or end with a space';
export const RESERVED_NAME = { message: `must not be ${PRIMARY_BROKER}: that is the one in mqtt-config` };

export class CreateBrokerDto extends BrokerSettingsDto {
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  @Matches(NAME_PATTERN, { message: NAME_MESSAGE })
  @NotEquals(PRIMARY_BROKER, RESERVED_NAME)
  name!: string;

  @IsString()
  @MinLength(1)
  @MaxLength(255)
  @Matches(HOST_PATTERN, { message: HOST_MESSAGE })
  host!: string;
}

/** Absent fields keep what is stored; null clears a secret. */
export class UpdateBrokerDto extends BrokerDto {
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  @Matches(NAME_PATTERN, { message: NAME_MESSAGE })
  @NotEquals(PRIMARY_BROKER, RESERVED_NAME)
  @MayBeAbsent()
  name?: string;
}

export class BrokerOrderDto {
  /** Ids of all further brokers, the preferred one first. */
  @IsArray()
  @ArrayMaxSize(MAX_FURTHER_BROKERS)
  @IsInt({ each: true })
  @Max(MAX_ID, { each: true })
  ids!: number[];
}

export class FurtherBrokerView extends BrokerView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;

  /** From 1, in order of preference after the primary broker. */
  @IsInt()
  position!: number;

  /** Ids of the live listener instances that are connected to it now. */
  @IsArray()
  @IsString({ each: true })
  in_use_by!: string[];

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}
