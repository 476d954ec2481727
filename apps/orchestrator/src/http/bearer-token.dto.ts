import { IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';

/** Body that makes a token, whoever it is for. */
export class CreateBearerTokenDto {
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  name!: string;

  /** Days until it ends; null = never. Absent: 90 for an API token, never for a listener's. */
  @IsInt()
  @Min(1)
  @Max(3_650)
  @IsOptional()
  expires_in_days?: number | null;
}

/** What is told of a token; itself only once, when it is made. */
export class BearerTokenView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;

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
