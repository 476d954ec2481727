import {
  ArrayMaxSize,
  ArrayMinSize,
  Equals,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { ActionBase } from '../action-base';

export const WEBHOOK_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'] as const;

/** An HTTP request, signed after Standard Webhooks when it has a signing secret. */
export class WebhookAction extends ActionBase {
  @Equals('webhook')
  type!: 'webhook';

  /** `http://` or `https://`; may hold `{{…}}` templates, their values percent-encoded. */
  @IsString()
  @MaxLength(4_000)
  @Matches(/^https?:\/\/[^\s]+$|^\{\{.+\}\}/, { message: 'must be an http:// or https:// URL' })
  url!: string;

  /** POST by default. */
  @IsIn(WEBHOOK_METHODS)
  @IsOptional()
  method?: (typeof WEBHOOK_METHODS)[number];

  /** Names and values; values may hold `{{…}}` templates, never CR or LF. */
  @IsObject()
  @IsOptional()
  headers?: Record<string, string>;

  /** Template of the body; absent = `input`, else the envelope, as JSON. */
  @IsString()
  @MaxLength(64_000)
  @IsOptional()
  body?: string | null;

  /** Names of product secrets that sign (Standard Webhooks `whsec_…`); two during a rotation. */
  @IsArray()
  @ArrayMaxSize(2)
  @IsString({ each: true })
  @IsOptional()
  signing_secrets?: string[];

  /** Status codes that count as success; absent = 200–299. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @IsInt({ each: true })
  @Min(200, { each: true })
  @Max(599, { each: true })
  @IsOptional()
  success_codes?: number[];

  /** Names of product secrets holding PEM, for mutual TLS. */
  @IsString()
  @IsOptional()
  client_cert_secret?: string | null;

  @IsString()
  @IsOptional()
  client_key_secret?: string | null;

  /** PEM of the authority that signed the destination; absent = the system's. */
  @IsString()
  @IsOptional()
  ca_cert?: string | null;
}
