import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  MinLength,
  ValidateNested,
} from 'class-validator';

export class ProviderParams {
  @Matches(/^[a-z0-9][a-z0-9-]{0,39}$/)
  provider!: string;
}

export class BeginSignInQuery {
  /** Path of the console to open afterwards; anything else is taken for `/products`. */
  @IsString()
  @MaxLength(2_000)
  @IsOptional()
  return_to?: string;
}

export class LogoutTokenDto {
  @IsString()
  @MinLength(1)
  @MaxLength(20_000)
  logout_token!: string;
}

class SignInProviderView {
  @IsString()
  id!: string;

  @IsString()
  name!: string;

  /** Where a browser goes to sign in; takes `?return_to=`. */
  @IsString()
  url!: string;
}

export class SignInOptionsView {
  /** Whether everybody may sign in with a password; false: an account for emergencies alone. */
  @IsBoolean()
  password!: boolean;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => SignInProviderView)
  providers!: SignInProviderView[];
}
