import { IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';

export class CreateListenerTokenDto {
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  name!: string;

  /** Days until it ends; absent or null = never. */
  @IsInt()
  @Min(1)
  @Max(3_650)
  @IsOptional()
  expires_in_days?: number | null;
}

export class ListenerTokenView {
  @IsInt()
  id!: number;

  @IsInt()
  product_id!: number;

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

export class CreatedListenerTokenView extends ListenerTokenView {
  /** `LISTENER_TOKEN` of a listener; shown this once. */
  @IsString()
  token!: string;
}
