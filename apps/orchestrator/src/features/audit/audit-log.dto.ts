import { Type } from 'class-transformer';
import { IsIn, IsInt, IsObject, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { PeriodPageQuery } from '../../http/pagination';

export class AuditLogQuery extends PeriodPageQuery {
  /** Part of the actor's name, such as an e-mail address. */
  @IsString()
  @MaxLength(254)
  @IsOptional()
  actor?: string;

  /** `<entity_type>.<verb>`, such as `mqtt_config.update`. */
  @IsString()
  @MaxLength(60)
  @IsOptional()
  action?: string;

  @IsString()
  @MaxLength(40)
  @IsOptional()
  entity_type?: string;

  @IsString()
  @MaxLength(64)
  @IsOptional()
  entity_id?: string;
}

export class AllAuditLogsQuery extends AuditLogQuery {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  @IsOptional()
  product_id?: number;
}

export class AuditLogView {
  @IsString()
  id!: string;

  @IsString()
  created_at!: string;

  @IsIn(['user', 'listener', 'system'])
  actor_kind!: string;

  @IsInt()
  @IsOptional()
  actor_id!: number | null;

  @IsString()
  actor_name!: string;

  @IsString()
  @IsOptional()
  ip!: string | null;

  @IsString()
  @IsOptional()
  request_id!: string | null;

  @IsString()
  action!: string;

  @IsString()
  entity_type!: string;

  @IsString()
  @IsOptional()
  entity_id!: string | null;

  /** As it was called then, where it has a name. */
  @IsString()
  @IsOptional()
  entity_name!: string | null;

  @IsInt()
  @IsOptional()
  product_id!: number | null;

  /** The fields that changed, as they were; secrets as `[redacted]`. */
  @IsObject()
  @IsOptional()
  before!: Record<string, unknown> | null;

  /** The fields that changed, as they are since. */
  @IsObject()
  @IsOptional()
  after!: Record<string, unknown> | null;
}
