import { PAYLOAD_FORMATS, type PayloadFormat, type QoS } from '@cortex-mqtt/contracts';
import { IsArray, IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { PageQuery } from '../../http/pagination';

/** What a subscription may be given beside its name and topic. */
class SubscriptionSettingsDto {
  @IsBoolean()
  @MayBeAbsent()
  absolute_topic?: boolean;

  @IsBoolean()
  @MayBeAbsent()
  enabled?: boolean;

  @IsString()
  @MaxLength(2_000)
  @MayBeAbsent()
  description?: string;

  /** Run in order for every message; see the action types. */
  @IsArray()
  @MayBeAbsent()
  actions?: unknown[];

  /** null = the config's. */
  @IsIn([0, 1, 2])
  @IsOptional()
  qos?: QoS | null;

  @IsIn(PAYLOAD_FORMATS)
  @MayBeAbsent()
  payload_format?: PayloadFormat;

  /** JSONata predicate over the envelope; null = every message. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  filter?: string | null;

  /** JSONata that names the message's identity; null = what the message carries. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  message_key?: string | null;

  /** Deliveries that may run at once; null = the listener's default. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  @IsOptional()
  concurrency?: number | null;

  /** `none`, `topic`, or a JSONata key: deliveries with the same key run one after another. */
  @IsString()
  @MinLength(1)
  @MaxLength(10_000)
  @MayBeAbsent()
  ordering?: string;
}

/** Body of `PUT …/subscriptions/{sub_id}`: any of these; absent fields keep what is stored. */
export class UpdateSubscriptionDto extends SubscriptionSettingsDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;

  /** Below prefix and pattern, or the whole filter with `absolute_topic`. */
  @IsString()
  @MayBeAbsent()
  topic?: string;
}

/** Not a child of the other: a field that its parent lets be absent stays absent, whatever is declared again. */
export class CreateSubscriptionDto extends SubscriptionSettingsDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name!: string;

  /** Below prefix and pattern, or the whole filter with `absolute_topic`. */
  @IsString()
  topic!: string;
}

export class SubscriptionListQuery extends PageQuery {
  /** Part of name or topic. */
  @IsString()
  @MaxLength(200)
  @IsOptional()
  search?: string;
}
