import { TRANSPORTS } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import { IsArray, IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';
import { LastWillDto } from './broker-settings.dto';

export class BrokerView {
  /** null = not configured yet. */
  @IsString()
  @IsOptional()
  host!: string | null;

  @IsInt()
  port!: number;

  @IsIn(TRANSPORTS)
  transport!: string;

  @IsString()
  @IsOptional()
  path!: string | null;

  @IsString()
  @IsOptional()
  proxy_url!: string | null;

  @IsString()
  @IsOptional()
  proxy_username!: string | null;

  @IsBoolean()
  proxy_password_set!: boolean;

  @IsBoolean()
  use_tls!: boolean;

  @IsBoolean()
  verify_cert!: boolean;

  @IsString()
  @IsOptional()
  username!: string | null;

  @IsBoolean()
  password_set!: boolean;

  @IsString()
  @IsOptional()
  client_id!: string | null;

  @IsInt()
  keep_alive!: number;

  @IsBoolean()
  clean_session!: boolean;

  @IsIn([4, 5])
  protocol_version!: number;

  @IsInt()
  session_expiry_s!: number;

  @IsInt()
  connect_timeout_s!: number;

  @IsString()
  @IsOptional()
  server_name!: string | null;

  @IsArray()
  @IsString({ each: true })
  alpn_protocols!: string[];

  @IsString()
  @IsOptional()
  ca_cert!: string | null;

  @IsString()
  @IsOptional()
  client_cert!: string | null;

  @IsBoolean()
  client_key_set!: boolean;

  @IsInt()
  @IsOptional()
  receive_maximum!: number | null;

  @IsObject()
  user_properties!: Record<string, string>;

  @ValidateNested()
  @Type(() => LastWillDto)
  @IsOptional()
  last_will!: LastWillDto | null;
}
