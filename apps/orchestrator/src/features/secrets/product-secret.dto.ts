import { IsArray, IsInt, IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { ProductParams } from '../../http/route-params';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const NAME_MESSAGE = 'must be 1–64 of A-Z a-z 0-9 _, beginning with a letter or _';

export class SecretParams extends ProductParams {
  @IsString()
  @Matches(NAME, { message: NAME_MESSAGE })
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
  @Matches(NAME, { message: NAME_MESSAGE })
  name!: string;
}

/** A secret without its value, which nothing ever answers. */
export class SecretView {
  @IsString()
  name!: string;

  /** Ids of the subscriptions whose actions name it. */
  @IsArray()
  @IsInt({ each: true })
  used_by!: number[];

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}
