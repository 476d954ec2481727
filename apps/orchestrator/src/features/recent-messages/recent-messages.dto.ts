import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';

export class RecentMessagesQuery {
  /** Messages answered at most, 10 by default. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(20)
  @IsOptional()
  limit?: number;

  /** Only messages received after this time (RFC 3339), by the listener's clock: `received_at` of one known already. */
  @IsISO8601({ strict: true })
  @IsOptional()
  after?: string;

  /** Seconds to wait for a message newer than `after` (absent: than those there now); 0 by default. */
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(60)
  @IsOptional()
  wait_s?: number;
}

export class RecentMessageView {
  @IsString()
  topic!: string;

  @IsString()
  payload_base64!: string;

  /** null when the payload is not UTF-8. */
  @IsString()
  @IsOptional()
  payload_text!: string | null;

  /** True: the payload was longer and is cut off. */
  @IsBoolean()
  payload_truncated!: boolean;

  @IsInt()
  payload_bytes!: number;

  @IsIn([0, 1, 2])
  qos!: number;

  @IsBoolean()
  retain!: boolean;

  @IsObject()
  user_properties!: Record<string, string | string[]>;

  @IsString()
  @IsOptional()
  content_type!: string | null;

  @IsString()
  received_at!: string;
}

export class RecentMessagesView {
  /** Newest first. */
  @ValidateNested({ each: true })
  @Type(() => RecentMessageView)
  items!: RecentMessageView[];

  /** Live listeners that were asked; 0 = none is running, so nothing can come. */
  @IsInt()
  listeners_asked!: number;

  /** Those that answered. */
  @IsInt()
  listeners_answered!: number;
}
