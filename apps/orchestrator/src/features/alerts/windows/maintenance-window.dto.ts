import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { MAX_ID } from '../../../http/route-params';
import { MayBeAbsent } from '../../../http/optional';

/** Once: `starts_at` and `ends_at`. Weekly: `days`, `from`, `to` and `timezone`. */
export class CreateMaintenanceWindowDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name!: string;

  @IsBoolean()
  @MayBeAbsent()
  all_products?: boolean;

  @IsArray()
  @ArrayMaxSize(10_000)
  @IsInt({ each: true })
  @Max(MAX_ID, { each: true })
  @Min(1, { each: true })
  @MayBeAbsent()
  product_ids?: number[];

  /** By default weekly when days are named, else once. */
  @IsIn(['once', 'weekly'])
  @MayBeAbsent()
  repeats?: 'once' | 'weekly';

  @IsISO8601({ strict: true })
  @IsOptional()
  starts_at?: string | null;

  @IsISO8601({ strict: true })
  @IsOptional()
  ends_at?: string | null;

  /** 0 (Sunday) to 6: the day on which it begins. */
  @IsArray()
  @ArrayMaxSize(7)
  @IsIn([0, 1, 2, 3, 4, 5, 6], { each: true })
  @MayBeAbsent()
  days?: number[];

  @Matches(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'must be HH:MM' })
  @IsOptional()
  from?: string | null;

  /** Before `from`: on the next day. */
  @Matches(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { message: 'must be HH:MM' })
  @IsOptional()
  to?: string | null;

  @IsString()
  @MaxLength(64)
  @MayBeAbsent()
  timezone?: string;
}

/** What is absent stays as it is. */
export class UpdateMaintenanceWindowDto extends CreateMaintenanceWindowDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  @MayBeAbsent()
  declare name: string;
}

export class MaintenanceWindowView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;

  @IsBoolean()
  all_products!: boolean;

  @IsArray()
  @IsInt({ each: true })
  product_ids!: number[];

  @IsIn(['once', 'weekly'])
  repeats!: 'once' | 'weekly';

  @IsString()
  @IsOptional()
  starts_at!: string | null;

  @IsString()
  @IsOptional()
  ends_at!: string | null;

  @IsArray()
  @IsInt({ each: true })
  days!: number[];

  @IsString()
  @IsOptional()
  from!: string | null;

  @IsString()
  @IsOptional()
  to!: string | null;

  @IsString()
  timezone!: string;

  /** Whether it is open now. */
  @IsBoolean()
  active!: boolean;

  @IsString()
  created_by!: string;

  @IsString()
  created_at!: string;
}
