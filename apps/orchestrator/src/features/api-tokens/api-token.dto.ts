import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import { PageQuery } from '../../http/pagination';

export class CreateApiTokenDto {
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  name!: string;

  /** Days until it ends; 90 when absent, null = never. */
  @IsInt()
  @Min(1)
  @Max(3_650)
  @IsOptional()
  expires_in_days?: number | null;
}

export class ApiTokenListQuery extends PageQuery {
  /** Tokens of another user, for administrators; one's own when absent. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @IsOptional()
  user_id?: number;
}

export class ApiTokenView {
  @IsInt()
  id!: number;

  @IsInt()
  user_id!: number;

  @IsString()
  name!: string;

  /** The token's beginning. */
  @IsString()
  hint!: string;

  @IsString()
  @IsOptional()
  expires_at!: string | null;

  @IsString()
  @IsOptional()
  revoked_at!: string | null;

  @IsString()
  @IsOptional()
  last_used_at!: string | null;

  @IsString()
  created_at!: string;
}

export class CreatedApiTokenView extends ApiTokenView {
  /** Shown this once. */
  @IsString()
  token!: string;
}
