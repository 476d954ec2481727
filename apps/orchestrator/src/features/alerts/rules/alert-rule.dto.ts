import { RULE_KINDS, type RuleKind, SEVERITIES, type Severity } from '@cortex-mqtt/alerting';
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
  IsUrl,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { MAX_ID } from '../../../http/route-params';
import { MayBeAbsent } from '../../../http/optional';
import { PageQuery } from '../../../http/pagination';

const YEAR_S = 31_536_000;

export class SeverityStepDto {
  @IsNumber()
  threshold!: number;

  @IsIn(SEVERITIES)
  severity!: Severity;
}

export class ActiveHoursDto {
  /** 0 (Sunday) to 6. */
  @IsArray()
  @ArrayMaxSize(7)
  @IsIn([0, 1, 2, 3, 4, 5, 6], { each: true })
  days!: number[];

  @Matches(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'must be HH:MM' })
  from!: string;

  /** Before `from`: on the next day. */
  @Matches(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { message: 'must be HH:MM' })
  to!: string;

  /** Such as Europe/Berlin. */
  @IsString()
  @MaxLength(64)
  timezone!: string;
}

/** What a rule watches and when it fires. What is absent is as usual for its kind. */
class RuleFieldsDto {
  @IsBoolean()
  @MayBeAbsent()
  enabled?: boolean;

  /** Every product, also those to come. */
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

  /** Silence of one subscription. */
  @IsInt()
  @Max(MAX_ID)
  @Min(1)
  @IsOptional()
  subscription_id?: number | null;

  /** In the unit of the kind: a share from 0 to 1, seconds, milliseconds, a number, days. */
  @IsNumber()
  @MayBeAbsent()
  threshold?: number;

  /** Where it closes again; null = at the threshold. */
  @IsNumber()
  @IsOptional()
  resolve_threshold?: number | null;

  /** Seconds that rates and shares are measured over. */
  @IsInt()
  @Min(0)
  @Max(604_800)
  @MayBeAbsent()
  window_s?: number;

  /** Fewer attempts in the window say nothing. */
  @IsInt()
  @Min(0)
  @Max(1_000_000_000)
  @MayBeAbsent()
  min_count?: number;

  /** Seconds that it has to last before it fires. */
  @IsInt()
  @Min(0)
  @Max(604_800)
  @MayBeAbsent()
  for_s?: number;

  /** Seconds that it has to be over before it resolves. */
  @IsInt()
  @Min(0)
  @Max(604_800)
  @MayBeAbsent()
  keep_firing_for_s?: number;

  @IsIn(SEVERITIES)
  @MayBeAbsent()
  severity?: Severity;

  /** Other severities from other thresholds on. */
  @IsArray()
  @ArrayMaxSize(10)
  @ValidateNested({ each: true })
  @Type(() => SeverityStepDto)
  @MayBeAbsent()
  severity_steps?: SeverityStepDto[];

  /** Whether a value that is not known counts as a breach. */
  @IsIn(['ignore', 'fire'])
  @MayBeAbsent()
  no_data?: 'ignore' | 'fire';

  /** Silence: the name of a `{+name}` level; each of its values has to be heard. */
  @Matches(/^[A-Za-z_]\w{0,63}$/, { message: 'must be the name of a {+name} level' })
  @IsOptional()
  topic_parameter?: string | null;

  /** Silence: the limit is this many times the usual gap, and at least the threshold. */
  @IsNumber()
  @Min(1.1)
  @Max(1_000)
  @IsOptional()
  usual_gap_factor?: number | null;

  /** Silence: when it counts; null = always. */
  @ValidateNested()
  @Type(() => ActiveHoursDto)
  @IsOptional()
  active_hours?: ActiveHoursDto | null;

  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false })
  @MaxLength(2_000)
  @IsOptional()
  runbook_url?: string | null;

  @IsObject()
  @MayBeAbsent()
  labels?: Record<string, string>;

  /** Channels that are told; empty = each whose routes match. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsInt({ each: true })
  @Max(MAX_ID, { each: true })
  @MayBeAbsent()
  channel_ids?: number[];
}

export class CreateAlertRuleDto extends RuleFieldsDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name!: string;

  @IsIn(RULE_KINDS)
  kind!: RuleKind;
}

export class UpdateAlertRuleDto extends RuleFieldsDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;
}

export class PreviewAlertRuleDto extends RuleFieldsDto {
  @IsString()
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;

  @IsIn(RULE_KINDS)
  kind!: RuleKind;

  /** RFC 3339; seven days before `to` when absent. */
  @IsISO8601({ strict: true })
  @MayBeAbsent()
  from?: string;

  /** RFC 3339; now when absent. */
  @IsISO8601({ strict: true })
  @MayBeAbsent()
  to?: string;
}

export class AlertRuleListQuery extends PageQuery {
  @IsIn(RULE_KINDS)
  @IsOptional()
  kind?: RuleKind;

  /** Rules that look at this product. */
  @Type(() => Number)
  @IsInt()
  @Max(MAX_ID)
  @Min(1)
  @IsOptional()
  product_id?: number;
}

/** How many series of a rule are in which state. */
export class RuleStatesView {
  @IsInt()
  firing!: number;

  @IsInt()
  pending!: number;

  @IsInt()
  recovering!: number;

  @IsInt()
  no_data!: number;
}

export class AlertRuleView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;

  @IsIn(RULE_KINDS)
  kind!: RuleKind;

  @IsBoolean()
  enabled!: boolean;

  @IsBoolean()
  all_products!: boolean;

  @IsArray()
  @IsInt({ each: true })
  product_ids!: number[];

  @IsInt()
  @IsOptional()
  subscription_id!: number | null;

  @IsIn(['state', 'share', 'count', 's', 'ms', 'days'])
  unit!: string;

  @IsNumber()
  threshold!: number;

  @IsNumber()
  @IsOptional()
  resolve_threshold!: number | null;

  @IsInt()
  @Max(YEAR_S)
  window_s!: number;

  @IsInt()
  min_count!: number;

  @IsInt()
  for_s!: number;

  @IsInt()
  keep_firing_for_s!: number;

  @IsIn(SEVERITIES)
  severity!: Severity;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => SeverityStepDto)
  severity_steps!: SeverityStepDto[];

  @IsIn(['ignore', 'fire'])
  no_data!: 'ignore' | 'fire';

  @IsString()
  @IsOptional()
  topic_parameter!: string | null;

  @IsNumber()
  @IsOptional()
  usual_gap_factor!: number | null;

  @ValidateNested()
  @Type(() => ActiveHoursDto)
  @IsOptional()
  active_hours!: ActiveHoursDto | null;

  @IsString()
  @IsOptional()
  runbook_url!: string | null;

  @IsObject()
  labels!: Record<string, string>;

  @IsArray()
  @IsInt({ each: true })
  channel_ids!: number[];

  @ValidateNested()
  @Type(() => RuleStatesView)
  states!: RuleStatesView;

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}
