import { IsArray, IsBoolean, IsInt, IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { ProductParams } from '../../http/route-params';

export const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
export const SECRET_NAME_MESSAGE = 'must be 1–64 of A-Z a-z 0-9 _, beginning with a letter or _';

export class SecretParams extends ProductParams {
  @IsString()
  @Matches(SECRET_NAME, { message: SECRET_NAME_MESSAGE })
  name!: string;
}

export class PutSecretDto {
  /** Write-only. */
  @IsString()
  @MinLength(1)
  @MaxLength(65_536)
  value!: string;
}

export class CreateSecretDto extends PutSecretDto {
  @IsString()
  @Matches(SECRET_NAME, { message: SECRET_NAME_MESSAGE })
  name!: string;
}

/** A secret without its value, which nothing ever answers. */
export class SecretView {
  @IsString()
  name!: string;

  /** false = it is known by its name alone, from a configuration file; actions that need it fail until it has a value. */
  @IsBoolean()
  value_set!: boolean;

  /** Ids of the subscriptions whose actions name it. */
  @IsArray()
  @IsInt({ each: true })
  used_by!: number[];

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}
