import { type QoS, SUBSCRIBE_ON, type SubscribeOn } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { BrokerDto } from '../brokers/broker-settings.dto';

export class TopicsDto {
  @IsString()
  @MaxLength(65_535)
  @IsOptional()
  prefix?: string | null;

  @IsString()
  @MaxLength(65_535)
  @IsOptional()
  pattern?: string | null;

  @IsBoolean()
  @MayBeAbsent()
  use_shared?: boolean;

  /** null = `cortex-<slug>` when shared subscriptions are used. */
  @IsString()
  @MaxLength(1_000)
  @IsOptional()
  shared_group?: string | null;

  @IsIn([0, 1, 2])
  @MayBeAbsent()
  qos?: QoS;
}

export class DeliverySettingsDto {
  /** Milliseconds before an unfinished delivery goes to the queue and the broker is answered. */
  @IsInt()
  @Min(1)
  @Max(60_000)
  @MayBeAbsent()
  handover_after_ms?: number;
}

export class FailoverDto {
  /**
   * `one`: subscribed on one broker of the list at a time. `all`: on every one at once; then `after_s` and `failback_after_s` are
   * kept and mean nothing.
   */
  @IsIn(SUBSCRIBE_ON)
  @MayBeAbsent()
  subscribe_on?: SubscribeOn;

  /** Seconds without a connection before the next broker is tried; null = never. */
  @IsInt()
  @Min(1)
  @Max(86_400)
  @IsOptional()
  after_s?: number | null;

  /** Seconds the first broker must be healthy before going back to it; null = stay. */
  @IsInt()
  @Min(1)
  @Max(86_400)
  @IsOptional()
  failback_after_s?: number | null;
}

export class ProbeDto {
  /** Topic of the canary; null = no probe. */
  @IsString()
  @MaxLength(1_000)
  @IsOptional()
  topic?: string | null;

  @IsInt()
  @Min(1)
  @Max(3_600)
  @MayBeAbsent()
  interval_s?: number;
}

/** Body of `PUT …/mqtt-config`: sections and fields that are absent keep what is stored. */
export class PutMqttConfigDto {
  @ValidateNested()
  @Type(() => BrokerDto)
  @MayBeAbsent()
  broker?: BrokerDto;

  @ValidateNested()
  @Type(() => TopicsDto)
  @MayBeAbsent()
  topics?: TopicsDto;

  @ValidateNested()
  @Type(() => DeliverySettingsDto)
  @MayBeAbsent()
  delivery?: DeliverySettingsDto;

  @ValidateNested()
  @Type(() => FailoverDto)
  @MayBeAbsent()
  failover?: FailoverDto;

  @ValidateNested()
  @Type(() => ProbeDto)
  @MayBeAbsent()
  probe?: ProbeDto;
}
