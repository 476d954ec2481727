import { RECORD_ID_PATTERN } from '@cortex-mqtt/messages';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { MAX_ID } from '../../http/route-params';
import { MayBeAbsent } from '../../http/optional';
import { UpdateSubscriptionDto } from '../subscriptions/subscription.dto';
import { REPLAY_ONLY, REPLAY_STATES, type ReplayOnly } from './replay.entity';

const MAX_RATE = 10_000;

export class ReplaySelectionDto {
  @IsISO8601({ strict: true })
  @MayBeAbsent()
  from?: string;

  @IsISO8601({ strict: true })
  @MayBeAbsent()
  to?: string;

  @IsString()
  @MaxLength(65_535)
  @MayBeAbsent()
  topic?: string;

  /** Messages that had a delivery of this subscription. */
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  @MayBeAbsent()
  subscription_id?: number;

  @IsString()
  @MaxLength(1_000)
  @MayBeAbsent()
  text?: string;

  @IsString()
  @MaxLength(10_000)
  @MayBeAbsent()
  where?: string;

  @IsArray()
  @ArrayMaxSize(1_000)
  @Matches(RECORD_ID_PATTERN, { each: true, message: 'must be ids of messages' })
  @MayBeAbsent()
  message_ids?: string[];

  /** Retained messages are left out by default: they were not news when they came. */
  @IsBoolean()
  @MayBeAbsent()
  include_retained?: boolean;
}

export class ReplayTargetDto {
  /** Subscriptions of the product, as they are now. */
  @IsArray()
  @ArrayMaxSize(1_000)
  @IsInt({ each: true })
  @Max(MAX_ID, { each: true })
  @Min(1, { each: true })
  @MayBeAbsent()
  subscription_ids?: number[];

  /** Another product, whose subscriptions are matched by topic. */
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  @MayBeAbsent()
  product_id?: number;

  /** A subscription that is not saved, as in a dry run: it is judged, and nothing is sent. */
  @ValidateNested()
  @Type(() => UpdateSubscriptionDto)
  @MayBeAbsent()
  draft?: UpdateSubscriptionDto;

  /** Another webhook: the orchestrator sends it the envelope of each message, as far as its egress policy lets it. */
  @IsString()
  @MaxLength(4_000)
  @Matches(/^https?:\/\/[^\s{}]+$/, { message: 'must be an http:// or https:// URL without templates' })
  @MayBeAbsent()
  url?: string;
}

export class CreateReplayDto {
  @IsObject({ message: 'must be an object' })
  @ValidateNested()
  @Type(() => ReplaySelectionDto)
  selection!: ReplaySelectionDto;

  /** `not_delivered`: what has no success with the target; `failed`: what failed or died; `all`. */
  @IsIn(REPLAY_ONLY)
  @MayBeAbsent()
  only?: ReplayOnly;

  /** `original`: destinations recognise what they had; `new`: they take it for something new. */
  @IsIn(['original', 'new'])
  @MayBeAbsent()
  ids?: 'original' | 'new';

  @IsNumber()
  @Min(0.1)
  @Max(MAX_RATE)
  @MayBeAbsent()
  rate_per_s?: number;

  /** Keeps the pace of the past, so many times as fast; the rate stays a bound. Absent: by the rate alone. */
  @IsNumber()
  @Min(0.01)
  @Max(10_000)
  @MayBeAbsent()
  pace?: number;

  @ValidateNested()
  @Type(() => ReplayTargetDto)
  @MayBeAbsent()
  target?: ReplayTargetDto;
}

export class StartReplayDto {
  /** The number of messages of the plan; needed above 10,000. */
  @IsInt()
  @Min(0)
  @MayBeAbsent()
  confirm_messages?: number;
}

export class ChangeReplayDto {
  @IsNumber()
  @Min(0.1)
  @Max(MAX_RATE)
  rate_per_s!: number;
}

export class ReplayShareView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;

  @IsInt()
  messages!: number;
}

export class ReplayRequestView {
  @IsString()
  action_id!: string;

  @IsString()
  type!: string;

  /** What would be sent, secrets hidden. */
  @IsObject()
  request!: Record<string, unknown>;
}

/** What a message would do in one subscription; nothing is sent. */
export class ReplayDryRunView {
  @IsInt()
  subscription_id!: number;

  @IsBoolean()
  would_run!: boolean;

  /** The subscription's filter turns it down. */
  @IsBoolean()
  filtered!: boolean;

  @IsString()
  @IsOptional()
  error!: string | null;

  @ValidateNested({ each: true })
  @Type(() => ReplayRequestView)
  requests!: ReplayRequestView[];
}

export class ReplayPreviewView {
  @IsString()
  message_id!: string;

  @IsString()
  topic!: string;

  @IsString()
  received_at!: string;

  @IsString()
  @IsOptional()
  preview!: string | null;

  /** Subscriptions it would go to. */
  @IsArray()
  @IsInt({ each: true })
  subscriptions!: number[];

  /** As a dry run, in the first three of them. */
  @ValidateNested({ each: true })
  @Type(() => ReplayDryRunView)
  dry_runs!: ReplayDryRunView[];
}

export class ReplayPlanView {
  @IsInt()
  messages!: number;

  @IsInt()
  deliveries!: number;

  @IsInt()
  bytes!: number;

  /** Periods within the selection of which messages were received and not recorded. */
  @IsInt()
  gaps!: number;

  @ValidateNested({ each: true })
  @Type(() => ReplayShareView)
  by_subscription!: ReplayShareView[];

  /** Messages by how they had ended before. */
  @IsObject()
  by_outcome!: Record<string, number>;

  /** The first messages, while the replay is planned; kept nowhere. */
  @ValidateNested({ each: true })
  @Type(() => ReplayPreviewView)
  previews!: ReplayPreviewView[];

  /** How long it takes at this rate. */
  @IsNumber()
  seconds!: number;

  /** False: so much is selected that the numbers are estimated from a part of it. */
  @IsBoolean()
  exact!: boolean;
}

export class ReplayFailureView {
  @IsString()
  message_id!: string;

  @IsInt()
  subscription_id!: number;

  @IsString()
  outcome!: string;

  @IsString()
  @IsOptional()
  error!: string | null;
}

/** Deliveries, not messages. */
export class ReplayProgressView {
  /** Ended, in whichever way. */
  @IsInt()
  done!: number;

  @IsInt()
  succeeded!: number;

  @IsInt()
  failed!: number;

  /** Passed over by the subscription's filter. */
  @IsInt()
  filtered!: number;

  @IsInt()
  remaining!: number;
}

export class ReplayView {
  @IsString()
  id!: string;

  @IsInt()
  product_id!: number;

  @IsIn(REPLAY_STATES)
  state!: string;

  @ValidateNested()
  @Type(() => ReplaySelectionDto)
  selection!: ReplaySelectionDto;

  @IsIn(REPLAY_ONLY)
  only!: string;

  @IsIn(['original', 'new'])
  ids!: string;

  @IsNumber()
  rate_per_s!: number;

  @IsNumber()
  @IsOptional()
  pace!: number | null;

  @ValidateNested()
  @Type(() => ReplayTargetDto)
  target!: ReplayTargetDto;

  @ValidateNested()
  @Type(() => ReplayPlanView)
  plan!: ReplayPlanView;

  @ValidateNested()
  @Type(() => ReplayProgressView)
  progress!: ReplayProgressView;

  /** The newest failures. */
  @ValidateNested({ each: true })
  @Type(() => ReplayFailureView)
  failures!: ReplayFailureView[];

  @IsString()
  @IsOptional()
  error!: string | null;

  @IsString()
  requested_by!: string;

  @IsString()
  created_at!: string;

  @IsString()
  @IsOptional()
  started_at!: string | null;

  @IsString()
  @IsOptional()
  finished_at!: string | null;
}
