import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsEmail,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  MaxLength,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { ROLES, type Role } from '../../http/principal';

export class LoginDto {
  @IsString()
  @MinLength(1)
  @MaxLength(254)
  email!: string;

  @IsString()
  @MinLength(1)
  @MaxLength(500)
  password!: string;
}

export class ChangePasswordDto {
  @IsString()
  @MinLength(1)
  @MaxLength(500)
  current_password!: string;

  @IsString()
  @MinLength(12)
  @MaxLength(500)
  new_password!: string;

  /** End one’s API tokens too; true when absent. */
  @IsBoolean()
  @MayBeAbsent()
  revoke_api_tokens?: boolean;
}

export class SignedInUserView {
  @IsInt()
  id!: number;

  @IsEmail()
  email!: string;

  @IsString()
  name!: string;

  @IsIn(ROLES)
  role!: Role;

  /** Every product is granted, those to come included. */
  @IsBoolean()
  all_products!: boolean;

  /** Products that are granted, where not all are: a viewer reads them, an operator changes them. */
  @IsArray()
  @IsInt({ each: true })
  product_ids!: number[];

  /** May read what messages carry: operators and administrators always, viewers where their grant says so. */
  @IsBoolean()
  may_read_payloads!: boolean;
}

export class SessionView {
  @ValidateNested()
  @Type(() => SignedInUserView)
  user!: SignedInUserView;

  /** Goes into the header `x-csrf-token` of every write made with the cookie; null for a bearer token. */
  @IsString()
  csrf_token!: string | null;
}

/** A sign-in that has not ended. */
export class OpenSessionView {
  @IsInt()
  id!: number;

  @IsString()
  @IsOptional()
  ip!: string | null;

  @IsString()
  @IsOptional()
  user_agent!: string | null;

  /** The one that asks. */
  @IsBoolean()
  is_current!: boolean;

  /** To the minute. */
  @IsString()
  @IsOptional()
  last_used_at!: string | null;

  @IsString()
  expires_at!: string;

  @IsString()
  created_at!: string;
}
