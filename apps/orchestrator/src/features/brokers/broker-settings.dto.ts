import { type QoS, TRANSPORTS, type Transport } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';

/** Host names, IPv4 and IPv6 literals (with or without brackets); no scheme, port, path or blank. */
export const HOST_PATTERN =
  /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?)$/;
export const HOST_MESSAGE = 'must be a host name or IP address, without scheme, port, path or spaces';
const PEM = /^\s*-----BEGIN [A-Z0-9 ]+-----[\s\S]+-----END [A-Z0-9 ]+-----\s*$/;

export class LastWillDto {
  @IsString()
  @MinLength(1)
  @MaxLength(1_000)
  topic!: string;

  @IsString()
  @MaxLength(10_000)
  payload!: string;

  @IsIn([0, 1, 2])
  @MayBeAbsent()
  qos?: QoS;

  @IsBoolean()
  @MayBeAbsent()
  retain?: boolean;

  /** Seconds the broker waits before it publishes (MQTT 5, 3.1.3.2.2). */
  @IsInt()
  @Min(0)
  @Max(2_147_483_647)
  @MayBeAbsent()
  delay_s?: number;
}

/** Everything about a broker but its host. An absent field keeps what is stored; for secrets null clears. */
export class BrokerSettingsDto {
  @IsInt()
  @Min(1)
  @Max(65_535)
  @MayBeAbsent()
  port?: number;

  @IsIn(TRANSPORTS)
  @MayBeAbsent()
  transport?: Transport;

  /** Path of a websocket. */
  @IsString()
  @Matches(/^\/[^\s?#]*$/, { message: 'must begin with / and have no spaces, ? or #' })
  @MaxLength(500)
  @IsOptional()
  path?: string | null;

  /** HTTP proxy for websockets, `http://host:port`; null = none. Refused with tcp and tls. */
  @IsString()
  @MaxLength(500)
  @IsOptional()
  proxy_url?: string | null;

  /** For the proxy (Basic authentication); null = none. */
  @IsString()
  @MaxLength(1_000)
  @Matches(/^[^:\0\r\n]*$/, { message: 'must not contain a colon or a line break' })
  @IsOptional()
  proxy_username?: string | null;

  /** Write-only. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  proxy_password?: string | null;

  @IsBoolean()
  @MayBeAbsent()
  use_tls?: boolean;

  /** Off accepts any certificate: only for tests. */
  @IsBoolean()
  @MayBeAbsent()
  verify_cert?: boolean;

  @IsString()
  @MaxLength(65_535)
  @IsOptional()
  username?: string | null;

  /** Write-only. */
  @IsString()
  @MaxLength(65_535)
  @IsOptional()
  password?: string | null;

  /** null = derived from product and instance, stable across restarts. */
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  @IsOptional()
  client_id?: string | null;

  /** Seconds; 0 turns it off. */
  @IsInt()
  @Min(0)
  @Max(65_535)
  @MayBeAbsent()
  keep_alive?: number;

  /** false keeps the session, so that the broker holds messages while the listener is away. */
  @IsBoolean()
  @MayBeAbsent()
  clean_session?: boolean;

  /** 5, or 4 for MQTT 3.1.1. */
  @IsIn([4, 5])
  @MayBeAbsent()
  protocol_version?: 4 | 5;

  /** Seconds the broker keeps the session (MQTT 5). */
  @IsInt()
  @Min(0)
  @Max(2_147_483_647)
  @MayBeAbsent()
  session_expiry_s?: number;

  @IsInt()
  @Min(1)
  @Max(120)
  @MayBeAbsent()
  connect_timeout_s?: number;

  /** Name for SNI and the certificate check; null = host. */
  @IsString()
  @Matches(HOST_PATTERN, { message: HOST_MESSAGE })
  @IsOptional()
  server_name?: string | null;

  @IsArray()
  @ArrayMaxSize(10)
  @IsString({ each: true })
  @MaxLength(255, { each: true })
  @MayBeAbsent()
  alpn_protocols?: string[];

  /** PEM of the authorities that sign the broker's certificate; null = the system's. */
  @IsString()
  @MaxLength(90_000)
  @Matches(PEM, { message: 'must be a PEM block (-----BEGIN …-----)' })
  @IsOptional()
  ca_cert?: string | null;

  @IsString()
  @MaxLength(90_000)
  @Matches(PEM, { message: 'must be a PEM block (-----BEGIN …-----)' })
  @IsOptional()
  client_cert?: string | null;

  /** Write-only. */
  @IsString()
  @MaxLength(90_000)
  @Matches(PEM, { message: 'must be a PEM block (-----BEGIN …-----)' })
  @IsOptional()
  client_key?: string | null;

  /** Unacknowledged messages that the broker may send at once (MQTT 5); null = the listener's own bound. */
  @IsInt()
  @Min(1)
  @Max(65_535)
  @IsOptional()
  receive_maximum?: number | null;

  /** User properties of CONNECT (MQTT 5). */
  @IsObject()
  @MayBeAbsent()
  user_properties?: Record<string, string>;

  @ValidateNested()
  @Type(() => LastWillDto)
  @IsOptional()
  last_will?: LastWillDto | null;
}

/** How to reach a broker. */
export class BrokerDto extends BrokerSettingsDto {
  @IsString()
  @MinLength(1)
  @MaxLength(255)
  @Matches(HOST_PATTERN, { message: HOST_MESSAGE })
  @MayBeAbsent()
  host?: string;
}
