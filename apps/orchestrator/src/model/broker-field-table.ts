import {
  CONNECTIONS,
  type Connections,
  type LastWill,
  type ProtocolVersion,
  type QoS,
  TRANSPORTS,
  type Transport,
} from '@cortex-mqtt/contracts';
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
import type { ColumnOptions } from 'typeorm';
import { MayBeAbsent } from '../http/optional';

/** Host names, IPv4 and IPv6 literals (with or without brackets); no scheme, port, path or blank. */
export const HOST_PATTERN =
  /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?)$/;
export const HOST_MESSAGE = 'must be a host name or IP address, without scheme, port, path or spaces';
const PEM = /^\s*-----BEGIN [A-Z0-9 ]+-----[\s\S]+-----END [A-Z0-9 ]+-----\s*$/;
const PEM_RULES = [MaxLength(90_000), Matches(PEM, { message: 'must be a PEM block (-----BEGIN …-----)' })];

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

/** One setting of a broker. `T` is its type in row, view and connection. */
interface Field<T> {
  /** Column, where it is not named as the field is. */
  column?: string;
  sql: ColumnOptions;
  /** What it is, in requests and answers alike. */
  type: PropertyDecorator[];
  /** What a request may say. */
  bounds?: PropertyDecorator[];
  /** An empty text means none. */
  is_empty_null?: true;
  readonly of?: T;
}

const field = <T>(definition: Field<T>): Field<T> => definition;
const text = { type: 'text', nullable: true } as const;

/**
 * The settings of a broker, once: columns, request, answer and connection follow from this table. The host is no part of it,
 * since it is required in some requests and absent in others.
 */
export const BROKER_FIELDS = {
  port: field<number>({
    column: 'broker_port',
    sql: { type: 'integer', default: 1883 },
    type: [IsInt()],
    bounds: [Min(1), Max(65_535)],
  }),
  transport: field<Transport>({ sql: { type: 'varchar', length: 3, default: 'tcp' }, type: [IsIn(TRANSPORTS)] }),
  /** Path of a websocket. */
  path: field<string | null>({
    sql: text,
    type: [IsString()],
    bounds: [Matches(/^\/[^\s?#]*$/, { message: 'must begin with / and have no spaces, ? or #' }), MaxLength(500)],
  }),
  /** HTTP proxy for websockets, `http://host:port`; null = none. Refused with tcp and tls. */
  proxy_url: field<string | null>({ sql: text, type: [IsString()], bounds: [MaxLength(500)], is_empty_null: true }),
  proxy_username: field<string | null>({
    sql: text,
    type: [IsString()],
    bounds: [MaxLength(1_000), Matches(/^[^:\0\r\n]*$/, { message: 'must not contain a colon or a line break' })],
    is_empty_null: true,
  }),
  use_tls: field<boolean>({ sql: { type: 'boolean', default: false }, type: [IsBoolean()] }),
  /** Off accepts any certificate: only for tests. */
  verify_cert: field<boolean>({ sql: { type: 'boolean', default: true }, type: [IsBoolean()] }),
  username: field<string | null>({ sql: text, type: [IsString()], bounds: [MaxLength(65_535)], is_empty_null: true }),
  /** null = derived from product and instance, stable across restarts. */
  client_id: field<string | null>({ sql: text, type: [IsString()], bounds: [MinLength(1), MaxLength(256)] }),
  /** Seconds; 0 turns it off. */
  keep_alive: field<number>({
    sql: { type: 'integer', default: 60 },
    type: [IsInt()],
    bounds: [Min(0), Max(65_535)],
  }),
  /** false keeps the session, so that the broker holds messages while the listener is away. */
  clean_session: field<boolean>({ sql: { type: 'boolean', default: false }, type: [IsBoolean()] }),
  /** 5, or 4 for MQTT 3.1.1. */
  protocol_version: field<ProtocolVersion>({ sql: { type: 'smallint', default: 5 }, type: [IsIn([4, 5])] }),
  /** Seconds the broker keeps the session (MQTT 5); a week by default. */
  session_expiry_s: field<number>({
    sql: { type: 'integer', default: 604_800 },
    type: [IsInt()],
    bounds: [Min(0), Max(2_147_483_647)],
  }),
  connect_timeout_s: field<number>({
    sql: { type: 'integer', default: 10 },
    type: [IsInt()],
    bounds: [Min(1), Max(120)],
  }),
  /** Name for SNI and the certificate check; null = host. */
  server_name: field<string | null>({
    sql: text,
    type: [IsString()],
    bounds: [Matches(HOST_PATTERN, { message: HOST_MESSAGE })],
  }),
  alpn_protocols: field<string[]>({
    sql: { type: 'jsonb', default: [] },
    type: [IsArray(), IsString({ each: true })],
    // RFC 7301, 3.1: 1 to 255 bytes. Node ends the process for an empty one.
    bounds: [ArrayMaxSize(10), MinLength(1, { each: true }), MaxLength(255, { each: true })],
  }),
  /** PEM of the authorities that sign the broker's certificate; null = the system's. */
  ca_cert: field<string | null>({ sql: text, type: [IsString()], bounds: PEM_RULES }),
  client_cert: field<string | null>({ sql: text, type: [IsString()], bounds: PEM_RULES }),
  /** Unacknowledged messages that the broker may send at once (MQTT 5); null = the listener's own bound. */
  receive_maximum: field<number | null>({
    sql: { type: 'integer', nullable: true },
    type: [IsInt()],
    bounds: [Min(1), Max(65_535)],
  }),
  /** `one`: the broker takes every connection of this user for the same client, so nothing but the session connects. */
  connections: field<Connections>({
    sql: { type: 'varchar', length: 7, default: 'several' },
    type: [IsIn(CONNECTIONS)],
  }),
  /** User properties of CONNECT (MQTT 5). */
  user_properties: field<Record<string, string>>({ sql: { type: 'jsonb', default: {} }, type: [IsObject()] }),
  last_will: field<LastWill | null>({
    sql: { type: 'jsonb', nullable: true },
    type: [ValidateNested(), Type(() => LastWillDto)],
  }),
};

/** Write-only: sealed in the row, `<name>_set` in answers; null or an empty text clears. With the bounds of a request. */
export const BROKER_SECRETS = {
  password: [MaxLength(65_535)],
  proxy_password: [MaxLength(10_000)],
  client_key: PEM_RULES,
  /** Of an encrypted client key. */
  client_key_passphrase: [MaxLength(1_000)],
} satisfies Record<string, PropertyDecorator[]>;

type Fields = typeof BROKER_FIELDS;
export type BrokerFieldName = keyof Fields;
export type BrokerSecretName = keyof typeof BROKER_SECRETS;
type ValueOf<Name extends BrokerFieldName> = Fields[Name] extends Field<infer T> ? T : never;

export const BROKER_FIELD_NAMES = Object.keys(BROKER_FIELDS) as BrokerFieldName[];
export const BROKER_SECRET_NAMES = Object.keys(BROKER_SECRETS) as BrokerSecretName[];

/** As an answer, and a connection, has them. */
export type BrokerSettings = { [Name in BrokerFieldName]: ValueOf<Name> };
/** As a row has them. */
export type BrokerColumnValues = {
  [Name in BrokerFieldName as Name extends 'port' ? 'broker_port' : Name]: ValueOf<Name>;
} & Record<BrokerSecretName, string | null>;
/** As a request may have them: absent keeps what is stored. */
export type BrokerRequest = BrokerSettingsRequest & Partial<Record<BrokerSecretName, string | null>>;
/** The same without the secrets. */
export type BrokerSettingsRequest = {
  [Name in Exclude<BrokerFieldName, 'last_will'>]?: ValueOf<Name>;
} & { last_will?: LastWillDto | null };
export type BrokerSecretFlags = Record<`${BrokerSecretName}_set`, boolean>;

const definitionOf = (name: BrokerFieldName): Field<unknown> => BROKER_FIELDS[name];

export const columnOf = (name: BrokerFieldName): keyof BrokerColumnValues =>
  (definitionOf(name).column ?? name) as keyof BrokerColumnValues;

/** What a request's value means in the row. */
export function storedValue(name: BrokerFieldName, value: unknown): unknown {
  return definitionOf(name).is_empty_null && value === '' ? null : value;
}

/** Every column with its options. */
export function brokerColumns(): [name: string, options: ColumnOptions][] {
  return [
    ...BROKER_FIELD_NAMES.map((name): [string, ColumnOptions] => [columnOf(name), definitionOf(name).sql]),
    // Envelopes of libs/secrets, never plain.
    ...BROKER_SECRET_NAMES.map((name): [string, ColumnOptions] => [name, text]),
  ];
}

/** Makes a class the body of a request: an absent field keeps what is stored, null clears where there may be none. */
export function decorateRequest(target: object): void {
  decorateSettings(target);
  for (const name of BROKER_SECRET_NAMES) decorate(target, name, [IsString(), ...BROKER_SECRETS[name], IsOptional()]);
}

/** The same without the secrets. */
export function decorateSettings(target: object): void {
  for (const name of BROKER_FIELD_NAMES) {
    const { type, bounds = [], sql } = definitionOf(name);
    decorate(target, name, [...type, ...bounds, sql.nullable ? IsOptional() : MayBeAbsent()]);
  }
}

/** Makes a class the answer: never a secret, only whether there is one. */
export function decorateView(target: object): void {
  for (const name of BROKER_FIELD_NAMES) {
    const { type, sql } = definitionOf(name);
    decorate(target, name, sql.nullable ? [...type, IsOptional()] : type);
  }
  for (const name of BROKER_SECRET_NAMES) decorate(target, `${name}_set`, [IsBoolean()]);
}

/** In the order in which they would be written above a property: the last one runs first. */
function decorate(target: object, property: string, decorators: readonly PropertyDecorator[]): void {
  for (const decorator of [...decorators].reverse()) decorator(target, property);
}
