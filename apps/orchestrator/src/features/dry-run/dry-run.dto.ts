import type { DryRunAction, DryRunResult, DryRunStep } from '@cortex-mqtt/actions';
import type { QoS } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsDefined,
  Allow,
  IsArray,
  IsBase64,
  IsBoolean,
  IsIn,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  MaxLength,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { UpdateSubscriptionDto } from '../subscriptions/subscription.dto';

/** A message as somebody typed it, or as it was received. */
export class SampleMessageDto {
  /** Topic it comes on. */
  @IsString()
  @MinLength(1)
  @MaxLength(65_535)
  topic!: string;

  /** A text is the payload as it is; anything else is written as JSON. */
  @Allow()
  payload?: unknown;

  /** The bytes, instead of `payload`. */
  @IsBase64()
  @MayBeAbsent()
  payload_base64?: string;

  @IsIn([0, 1, 2])
  @MayBeAbsent()
  qos?: QoS;

  @IsBoolean()
  @MayBeAbsent()
  retain?: boolean;

  @IsString()
  @MaxLength(200)
  @IsOptional()
  content_type?: string | null;

  @IsObject()
  @MayBeAbsent()
  user_properties?: Record<string, string | string[]>;

  /** Now when absent. */
  @IsISO8601({ strict: true })
  @MayBeAbsent()
  received_at?: string;
}

export class DryRunDto {
  @IsDefined({ message: 'is required' })
  @ValidateNested()
  @Type(() => SampleMessageDto)
  message!: SampleMessageDto;

  /** Messages that an action with `batch` would send together with it. */
  @IsArray()
  @ArrayMaxSize(20)
  @ValidateNested({ each: true })
  @Type(() => SampleMessageDto)
  @MayBeAbsent()
  more_messages?: SampleMessageDto[];

  /** Fields of the subscription that are not saved yet; they stand for the stored ones. */
  @ValidateNested()
  @Type(() => UpdateSubscriptionDto)
  @MayBeAbsent()
  draft?: UpdateSubscriptionDto;
}

/** What each step gave; nothing was sent. A step is `{ok: true, value}` or `{ok: false, fault}`. */
export class DryRunView implements DryRunResult {
  @IsBoolean()
  matched!: boolean;

  @IsObject()
  params!: Record<string, string>;

  @IsObject()
  @IsOptional()
  decode!: DryRunStep<unknown> | null;

  @IsObject()
  @IsOptional()
  filter!: DryRunStep<boolean> | null;

  @IsObject()
  @IsOptional()
  identity!: DryRunStep<{ message_id: string; carried: boolean }> | null;

  @IsObject()
  @IsOptional()
  ordering_key!: DryRunStep<unknown> | null;

  @IsArray()
  actions!: DryRunAction[];
}

/** One type of action, for the form that edits it. */
export class ActionTypeView {
  @IsString()
  type!: string;

  @IsString()
  title!: string;

  @IsString()
  description!: string;

  /** JSON Schema. */
  @IsObject()
  schema!: Record<string, unknown>;
}
