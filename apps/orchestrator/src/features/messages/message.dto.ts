import { GAP_REASONS, OUTCOMES, RECORD_ID_PATTERN } from '@cortex-mqtt/messages';
import { Transform, Type } from 'class-transformer';
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
import { ProductParams } from '../../http/route-params';

const MAX_ID = 2_147_483_647;
const CURSOR = /^[0-9a-z]{9,26}$/;

export class MessageParams extends ProductParams {
  @IsString()
  @Matches(RECORD_ID_PATTERN, { message: 'is not the id of a message' })
  message_id!: string;
}

/** What messages are looked for. */
export class MessageFilterQuery {
  /** Topic filter, wildcards allowed. */
  @IsString()
  @MaxLength(65_535)
  @IsOptional()
  topic?: string;

  /** Received at or after this time (RFC 3339). */
  @IsISO8601({ strict: true })
  @IsOptional()
  from?: string;

  /** Received before this time (RFC 3339). */
  @IsISO8601({ strict: true })
  @IsOptional()
  to?: string;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  @IsOptional()
  subscription_id?: number;

  /** Several are separated by commas: `dead,failed`. */
  @Transform(({ value }) => (typeof value === 'string' ? value.split(',').filter((one) => one !== '') : value))
  @IsArray()
  @ArrayMaxSize(OUTCOMES.length)
  @IsIn(OUTCOMES, { each: true })
  @IsOptional()
  outcome?: string[];

  /** Part of topic or payload, upper and lower case alike. */
  @IsString()
  @MaxLength(1_000)
  @IsOptional()
  text?: string;

  /** JSONata over the envelope that has to be true. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  where?: string;
}

export class MessageQuery extends MessageFilterQuery {
  /** `next_cursor` of the page before. */
  @IsString()
  @Matches(CURSOR, { message: 'is not a cursor' })
  @IsOptional()
  cursor?: string;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(200)
  @IsOptional()
  limit?: number;
}

export class TopicQuery {
  /** Topics below this level; all without it. */
  @IsString()
  @MaxLength(65_535)
  @IsOptional()
  below?: string;
}

export class MessageSubscriptionView {
  @IsInt()
  id!: number;

  /** null: it has been deleted. */
  @IsString()
  @IsOptional()
  name!: string | null;

  @IsIn(OUTCOMES)
  outcome!: string;
}

export class MessageView {
  @IsString()
  id!: string;

  @IsString()
  topic!: string;

  @IsString()
  received_at!: string;

  /** Bytes of the payload as it came. */
  @IsInt()
  size!: number;

  @IsIn([0, 1, 2])
  qos!: number;

  @IsBoolean()
  retain!: boolean;

  /** Beginning of the payload; null when it is not text, or may not be read. */
  @IsString()
  @IsOptional()
  preview!: string | null;

  /** The worst of its deliveries. */
  @IsIn(OUTCOMES)
  outcome!: string;

  @ValidateNested({ each: true })
  @Type(() => MessageSubscriptionView)
  subscriptions!: MessageSubscriptionView[];
}

/** Messages that were received and not recorded. */
export class MessageGapView {
  @IsString()
  from!: string;

  @IsString()
  to!: string;

  /** null = nobody could count them. */
  @IsInt()
  @IsOptional()
  messages!: number | null;

  @IsIn(GAP_REASONS)
  reason!: string;
}

export class MessagesView {
  @ValidateNested({ each: true })
  @Type(() => MessageView)
  items!: MessageView[];

  /** For the next page, or to look further back; null = there is no more. */
  @IsString()
  @IsOptional()
  next_cursor!: string | null;

  /** Everything received since then has been looked at. */
  @IsString()
  @IsOptional()
  scanned_until!: string | null;

  /** False: the search has paused, its bounds reached; the cursor continues it. */
  @IsBoolean()
  complete!: boolean;

  @ValidateNested({ each: true })
  @Type(() => MessageGapView)
  gaps!: MessageGapView[];
}

export class MessageAttemptView {
  @IsString()
  at!: string;

  @IsString()
  action_id!: string;

  @IsIn(['succeeded', 'failed', 'permanent', 'deferred'])
  outcome!: string;

  @IsInt()
  @IsOptional()
  status!: number | null;

  @IsString()
  @IsOptional()
  error!: string | null;

  @IsString()
  @IsOptional()
  response_excerpt!: string | null;

  @IsNumber()
  duration_ms!: number;
}

export class MessageDeliveryView {
  @IsInt()
  subscription_id!: number;

  @IsString()
  @IsOptional()
  name!: string | null;

  @IsIn(OUTCOMES)
  outcome!: string;

  @IsString()
  @IsOptional()
  error!: string | null;

  @ValidateNested({ each: true })
  @Type(() => MessageAttemptView)
  attempts!: MessageAttemptView[];

  /** Its id among the deliveries while it is waiting or dead. */
  @IsString()
  @IsOptional()
  delivery_id!: string | null;
}

/** Everything of one message. What only payload readers may see is null for others. */
export class MessageDetailView extends MessageView {
  @IsBoolean()
  duplicate!: boolean;

  @IsString()
  broker!: string;

  /** Its identity for deliveries: destinations know repeats by it. */
  @IsString()
  identity!: string;

  @IsIn(['json', 'text', 'binary'])
  @IsOptional()
  payload_format!: string | null;

  /** null when it is binary. */
  @IsString()
  @IsOptional()
  payload_text!: string | null;

  @IsString()
  @IsOptional()
  payload_base64!: string | null;

  /** True: it was longer and is cut off. */
  @IsBoolean()
  payload_truncated!: boolean;

  /** True: parts were taken out before it was recorded. */
  @IsBoolean()
  redacted!: boolean;

  @IsBoolean()
  payload_readable!: boolean;

  @IsObject()
  @IsOptional()
  user_properties!: Record<string, string | string[]> | null;

  @IsString()
  @IsOptional()
  content_type!: string | null;

  @IsString()
  @IsOptional()
  response_topic!: string | null;

  @IsString()
  @IsOptional()
  correlation_data_base64!: string | null;

  @IsInt()
  @IsOptional()
  message_expiry_s!: number | null;

  @ValidateNested({ each: true })
  @Type(() => MessageDeliveryView)
  deliveries!: MessageDeliveryView[];
}

export class TopicView {
  @IsString()
  topic!: string;

  /** Levels of the topic that come next below `below`; what follows in a tree. */
  @IsString()
  level!: string;

  /** Messages on it and below it. */
  @IsInt()
  messages!: number;

  /** Topics on it and below it. */
  @IsInt()
  topics!: number;

  @IsInt()
  bytes!: number;

  @IsNumber()
  rate_per_s!: number;

  @IsString()
  first_at!: string;

  @IsString()
  last_at!: string;

  /** Beginning of the newest payload on this very topic; null when it isn't text, may not be read, or there was none. */
  @IsString()
  @IsOptional()
  last_value!: string | null;

  @IsBoolean()
  has_children!: boolean;
}

export class TopicTreeView {
  @IsString()
  below!: string;

  @ValidateNested({ each: true })
  @Type(() => TopicView)
  items!: TopicView[];

  /** False: there are more topics than were looked at. */
  @IsBoolean()
  complete!: boolean;
}

export class ArchiveUsageView {
  @IsBoolean()
  enabled!: boolean;

  @IsInt()
  stored_bytes!: number;

  @IsInt()
  messages!: number;

  @IsString()
  @IsOptional()
  oldest_at!: string | null;

  @IsString()
  @IsOptional()
  newest_at!: string | null;
}
