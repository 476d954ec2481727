import { Type } from 'class-transformer';
import { ActionBase } from '../action-base';
import { WebhookBatchSettings } from '../batch/batch-settings';
import { ReplySettings } from './reply-settings';
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
  JSONSchema,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from '../validators';

export const WEBHOOK_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'] as const;

/** An HTTP request, signed after Standard Webhooks when it has a signing secret. */
export class WebhookAction extends ActionBase {
  @Equals('webhook')
  type!: 'webhook';

  /** `http://` or `https://`; may hold `{{…}}` templates, their values percent-encoded. */
  @IsString()
  @MaxLength(4_000)
  @Matches(/^https?:\/\/[^\s]+$|^\{\{.+\}\}/, { message: 'must be an http:// or https:// URL' })
  @JSONSchema({
    title: 'URL',
    description: 'http:// or https://. Values of {{…}} are percent-encoded; the host must not come from the message.',
    'x-editor': 'template',
  })
  url!: string;

  /** POST by default. */
  @IsIn(WEBHOOK_METHODS)
  @IsOptional()
  @JSONSchema({ title: 'Method', description: 'POST by default.' })
  method?: (typeof WEBHOOK_METHODS)[number];

  /** Names and values; values may hold `{{…}}` templates, never CR or LF. */
  @IsObject()
  @IsOptional()
  @JSONSchema({
    title: 'Headers',
    description: 'Values may hold {{…}}, never a line break.',
    additionalProperties: { type: 'string' },
    'x-editor': 'template',
  })
  headers?: Record<string, string>;

  /** Template of the body; absent = `input`, else the envelope, as JSON. */
  @IsString()
  @MaxLength(64_000)
  @IsOptional()
  @JSONSchema({
    title: 'Body',
    description: 'Empty = the input, or the message envelope, as JSON.',
    'x-editor': 'template',
    'x-multiline': true,
  })
  body?: string | null;

  /** Names of product secrets that sign (Standard Webhooks `whsec_…`); two during a rotation. */
  @IsArray()
  @ArrayMaxSize(2)
  @IsString({ each: true })
  @IsOptional()
  @JSONSchema({
    title: 'Signing secrets',
    description: 'Product secrets (whsec_…) that sign the request after Standard Webhooks; two during a rotation.',
    'x-editor': 'secret',
  })
  signing_secrets?: string[];

  /** Status codes that count as success; absent = 200–299. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @IsInt({ each: true })
  @Min(200, { each: true })
  @Max(599, { each: true })
  @IsOptional()
  @JSONSchema({ title: 'Success codes', description: 'Status codes that count as success. Empty = 200 to 299.' })
  success_codes?: number[];

  /** Several messages in one request; absent = one each. */
  @ValidateNested()
  @Type(() => WebhookBatchSettings)
  @IsOptional()
  @JSONSchema({ title: 'Batch', description: 'Sends several messages in one request. Empty = a request for each.' })
  batch?: WebhookBatchSettings | null;

  /** Publishes the answer for who sent the message; absent = it is only looked at. */
  @ValidateNested()
  @Type(() => ReplySettings)
  @IsOptional()
  @JSONSchema({
    title: 'Reply',
    description: 'Publishes the answer to the response topic of the message, with its correlation data (MQTT 5).',
  })
  reply?: ReplySettings | null;

  /** Names of product secrets holding PEM, for mutual TLS. */
  @IsString()
  @IsOptional()
  @JSONSchema({
    title: 'Client certificate',
    description: 'Product secret with the PEM of the client certificate.',
    'x-editor': 'secret',
  })
  client_cert_secret?: string | null;

  @IsString()
  @IsOptional()
  @JSONSchema({ title: 'Client key', description: 'Product secret with the PEM of its key.', 'x-editor': 'secret' })
  client_key_secret?: string | null;

  @IsString()
  @IsOptional()
  @JSONSchema({
    title: 'Pass phrase of the key',
    description: 'Product secret with the pass phrase that opens the client key.',
    'x-editor': 'secret',
  })
  client_key_passphrase_secret?: string | null;

  /** PEM of the authority that signed the destination; absent = the system's. */
  @IsString()
  @IsOptional()
  @JSONSchema({
    title: 'CA certificate',
    description: 'PEM of the authority that signed the destination. Empty = the system’s.',
    'x-multiline': true,
  })
  ca_cert?: string | null;
}
