import { Type } from 'class-transformer';
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
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { MAX_ID } from '../../http/route-params';
import { MayBeAbsent } from '../../http/optional';
import { PageQuery } from '../../http/pagination';
import { ROLES, type Role } from '../../http/principal';

/** What a user may see: every product or chosen ones, and whether with payloads. Administrators see everything. */
class GrantFields {
  /** Every product, those to come included; false when absent at creation. */
  @IsBoolean()
  @MayBeAbsent()
  all_products?: boolean;

  /** Products that a viewer reads and an operator changes; must be empty or absent with `all_products`. */
  @IsArray()
  @ArrayMaxSize(10_000)
  @ArrayUnique()
  @IsInt({ each: true })
  @Max(MAX_ID, { each: true })
  @Min(1, { each: true })
  @MayBeAbsent()
  product_ids?: number[];

  /** Lets a viewer read what messages carry; operators and administrators always may. */
  @IsBoolean()
  @MayBeAbsent()
  may_read_payloads?: boolean;
}

export class CreateUserDto extends GrantFields {
  @IsEmail()
  @MaxLength(254)
  email!: string;

  @IsString()
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;

  @IsIn(ROLES)
  role!: Role;

  /** Either this or `invite`. */
  @IsString()
  @MinLength(12)
  @MaxLength(500)
  @MayBeAbsent()
  password?: string;

  /** The answer has a link with which the user chooses a password. */
  @IsBoolean()
  @MayBeAbsent()
  invite?: boolean;
}

export class UpdateUserDto extends GrantFields {
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

  /** With a new password: end the user’s API tokens too; true when absent. */
  @IsBoolean()
  @MayBeAbsent()
  revoke_api_tokens?: boolean;

  /** true ends all sessions; tokens rest until the user is enabled again. */
  @IsBoolean()
  @MayBeAbsent()
  disabled?: boolean;
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

  /** Every product is granted; always true of an administrator. */
  @IsBoolean()
  all_products!: boolean;

  @IsArray()
  @IsInt({ each: true })
  product_ids!: number[];

  /** May read what messages carry; always true of operators and administrators. */
  @IsBoolean()
  may_read_payloads!: boolean;

  /** Signs in here, without an identity provider; false until an invitation is accepted. */
  @IsBoolean()
  local_sign_in!: boolean;

  /** Id of the provider whose groups decide about role and grants; null = an administrator does. */
  @IsString()
  @IsOptional()
  identity_provider!: string | null;

  /** Until when the invitation that is out can be accepted; null = there is none. */
  @IsString()
  @IsOptional()
  invited_until!: string | null;

  @IsString()
  @IsOptional()
  last_login_at!: string | null;

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}

/** Shown this once: whoever has the link chooses the password. */
export class IssuedInvitationView {
  @IsString()
  token!: string;

  /** Page of the console to open; without PUBLIC_URL from the orchestrator’s root on. */
  @IsString()
  url!: string;

  @IsString()
  expires_at!: string;
}

export class CreatedUserView extends UserView {
  /** With `invite`. */
  @ValidateNested()
  @Type(() => IssuedInvitationView)
  @IsOptional()
  invitation!: IssuedInvitationView | null;
}
