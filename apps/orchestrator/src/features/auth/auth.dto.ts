import { Type } from 'class-transformer';
import { IsArray, IsEmail, IsIn, IsInt, IsString, MaxLength, MinLength, ValidateNested } from 'class-validator';
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

  /** Products that an operator may change; everybody may read all of them. */
  @IsArray()
  @IsInt({ each: true })
  product_ids!: number[];
}

export class SessionView {
  @ValidateNested()
  @Type(() => SignedInUserView)
  user!: SignedInUserView;

  /** Goes into the header `x-csrf-token` of every write made with the cookie; null for a bearer token. */
  @IsString()
  csrf_token!: string | null;
}
