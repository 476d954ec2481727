import { ARCHIVE_SCOPES, type ArchiveScope, type QoS, SUBSCRIBE_ON, type SubscribeOn } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
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

/** Below the envelope: `payload.card.number`, `payload.items.*.iban`, `user_properties.token`. */
const REDACTED_PATH = /^(payload|user_properties)(\.[^.]{1,200}){0,20}$/;

export class ArchiveRedactionDto {
  /** Paths below the envelope, such as `payload.card.number`; `*` is every element. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @Matches(REDACTED_PATH, { each: true, message: 'must be paths below payload or user_properties' })
  @MayBeAbsent()
  paths?: string[];

  /** JSONata over the envelope; its value is kept in place of the payload. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  expression?: string | null;
}

/** What is recorded of the messages, and how long it is kept. */
export class ArchiveDto {
  @IsBoolean()
  @MayBeAbsent()
  enabled?: boolean;

  /**
   * `matched`: messages that a subscription matches; `everything`: also what comes under `filters`, subscribed to for that
   * purpose; `dead`: only messages of which a delivery has died.
   */
  @IsIn(ARCHIVE_SCOPES)
  @MayBeAbsent()
  scope?: ArchiveScope;

  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @MaxLength(1_000, { each: true })
  @MayBeAbsent()
  filters?: string[];

  @IsInt()
  @Min(1)
  @Max(366)
  @MayBeAbsent()
  max_age_days?: number;

  @IsInt()
  @Min(1_048_576)
  @Max(1_099_511_627_776)
  @MayBeAbsent()
  max_bytes?: number;

  /** Bytes of a payload that are kept; the rest is cut off. */
  @IsInt()
  @Min(0)
  @Max(1_048_576)
  @MayBeAbsent()
  max_payload_bytes?: number;

  /** What is taken out before a message leaves the listener; null = nothing. */
  @ValidateNested()
  @Type(() => ArchiveRedactionDto)
  @IsOptional()
  redact?: ArchiveRedactionDto | null;

  /** A message is acknowledged only when it is stored: slower, and nothing is missing from the archive. */
  @IsBoolean()
  @MayBeAbsent()
  before_ack?: boolean;
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

  @ValidateNested()
  @Type(() => ArchiveDto)
  @MayBeAbsent()
  archive?: ArchiveDto;
}

/** Query of `GET …/mqtt-config`. */
export class MqttConfigQuery {
  /** `none` leaves the subscriptions out: of thousands the answer is megabytes. Their own list has pages. */
  @IsIn(['all', 'none'])
  @IsOptional()
  subscriptions?: 'all' | 'none';
}
