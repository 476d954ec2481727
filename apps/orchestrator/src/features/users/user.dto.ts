import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsEmail,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { PageQuery } from '../../http/pagination';
import { ROLES, type Role } from '../../http/principal';

export class CreateUserDto {
  @IsEmail()
  @MaxLength(254)
  email!: string;

  @IsString()
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;

  @IsIn(ROLES)
  role!: Role;

  @IsString()
  @MinLength(12)
  @MaxLength(500)
  password!: string;

  /** Products that an operator may change. */
  @IsArray()
  @ArrayMaxSize(10_000)
  @ArrayUnique()
  @IsInt({ each: true })
  @Min(1, { each: true })
  @MayBeAbsent()
  product_ids?: number[];
}

export class UpdateUserDto {
  @IsEmail()
  @MaxLength(254)
  @MayBeAbsent()
  email?: string;

  @IsString()
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;

  @IsIn(ROLES)
  @MayBeAbsent()
  role?: Role;

  /** A new password; ends all sessions of the user. */
  @IsString()
  @MinLength(12)
  @MaxLength(500)
  @MayBeAbsent()
  password?: string;

  /** true ends all sessions; tokens rest until the user is enabled again. */
  @IsBoolean()
  @MayBeAbsent()
  disabled?: boolean;

  @IsArray()
  @ArrayMaxSize(10_000)
  @ArrayUnique()
  @IsInt({ each: true })
  @Min(1, { each: true })
  @MayBeAbsent()
  product_ids?: number[];
}

export class UserListQuery extends PageQuery {
  /** Part of e-mail address or name. */
  @IsString()
  @MaxLength(200)
  @IsOptional()
  search?: string;
}

export class UserView {
  @IsInt()
  id!: number;

  @IsEmail()
  email!: string;

  @IsString()
  name!: string;

  @IsIn(ROLES)
  role!: Role;

  @IsBoolean()
  disabled!: boolean;

  @IsArray()
  @IsInt({ each: true })
  product_ids!: number[];

  @IsString()
  @IsOptional()
  last_login_at!: string | null;

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}
