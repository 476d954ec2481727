import { RULE_KINDS, type RuleKind, SEVERITIES, type Severity } from '@cortex-mqtt/alerting';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { MAX_ID } from '../../../http/route-params';
import { PeriodPageQuery } from '../../../http/pagination';

export const INCIDENT_STATES = ['firing', 'acknowledged', 'resolved'] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];

export class IncidentListQuery extends PeriodPageQuery {
  @IsIn([...INCIDENT_STATES, 'open'])
  @IsOptional()
  state?: IncidentState | 'open';

  @Type(() => Number)
  @IsInt()
  @Max(MAX_ID)
  @Min(1)
  @IsOptional()
  product_id?: number;

  @IsIn(SEVERITIES)
  @IsOptional()
  severity?: Severity;

  @IsIn(RULE_KINDS)
  @IsOptional()
  kind?: RuleKind;
}

export class IncidentProductView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;
}

export class IncidentView {
  @IsInt()
  id!: number;

  @IsIn(INCIDENT_STATES)
  state!: IncidentState;

  @IsIn(RULE_KINDS)
  kind!: RuleKind;

  @IsIn(SEVERITIES)
  severity!: Severity;

  /** What is wrong. */
  @IsString()
  title!: string;

  @IsString()
  summary!: string;

  /** What it means. */
  @IsString()
  meaning!: string;

  /** What to do. */
  @IsString()
  advice!: string;

  /** Page of the product that shows it. */
  @IsString()
  page!: string;

  @IsInt()
  rule_id!: number;

  @IsString()
  rule_name!: string;

  @IsString()
  @IsOptional()
  runbook_url!: string | null;

  @IsObject()
  labels!: Record<string, string>;

  /** What its products share; null = it is one product's own. */
  @IsString()
  @IsOptional()
  cause!: string | null;

  /** At most 20, those that are still affected first. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => IncidentProductView)
  products!: IncidentProductView[];

  @IsInt()
  product_count!: number;

  @IsString()
  started_at!: string;

  @IsString()
  @IsOptional()
  resolved_at!: string | null;

  @IsString()
  @IsOptional()
  acknowledged_at!: string | null;

  @IsString()
  @IsOptional()
  acknowledged_by!: string | null;

  @IsString()
  @IsOptional()
  muted_until!: string | null;
}

export class IncidentMemberView {
  @IsInt()
  product_id!: number;

  @IsString()
  product_name!: string;

  /** A device, a destination; empty where there is one series. */
  @IsString()
  series!: string;

  @IsString()
  began_at!: string;

  @IsString()
  @IsOptional()
  ended_at!: string | null;

  @IsNumber()
  @IsOptional()
  value!: number | null;

  @IsString()
  @IsOptional()
  detail!: string | null;
}

export class IncidentEventView {
  @IsString()
  at!: string;

  @IsString()
  type!: string;

  /** null = cortex-mqtt itself. */
  @IsString()
  @IsOptional()
  actor!: string | null;

  @IsObject()
  detail!: Record<string, unknown>;
}

export class IncidentDetailView extends IncidentView {
  /** At most 500. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => IncidentMemberView)
  members!: IncidentMemberView[];

  /** Oldest first; at most 500, the newest of them. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => IncidentEventView)
  timeline!: IncidentEventView[];
}

export class CommentIncidentDto {
  @IsString()
  @MinLength(1)
  @MaxLength(4_000)
  comment!: string;
}

export class AcknowledgeIncidentDto {
  @IsString()
  @MaxLength(4_000)
  @IsOptional()
  comment?: string | null;
}

/** One of the two; `until` null ends the mute. */
export class MuteIncidentDto {
  @IsISO8601({ strict: true })
  @IsOptional()
  until?: string | null;

  @IsInt()
  @Min(60)
  @Max(2_592_000)
  @IsOptional()
  for_s?: number;
}
