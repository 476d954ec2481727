import { IsEmail, IsString, MaxLength, MinLength } from 'class-validator';
import { MayBeAbsent } from '../../http/optional';

export class ReadInvitationDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  token!: string;
}

export class AcceptInvitationDto extends ReadInvitationDto {
  @IsString()
  @MinLength(12)
  @MaxLength(500)
  password!: string;

  /** Stays as the administrator wrote it when absent. */
  @IsString()
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;
}

export class InvitationView {
  @IsEmail()
  email!: string;

  @IsString()
  name!: string;

  @IsString()
  expires_at!: string;
}
