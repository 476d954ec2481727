import { readFileSync } from 'node:fs';
import { validateShape } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsString,
  IsUrl,
  Matches,
  MaxLength,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { ROLES, type Role } from '../../http/principal';
import type { GroupGrant } from './group-grants';

class GroupGrantSettings implements GroupGrant {
  @IsString()
  @MinLength(1)
  @MaxLength(500)
  group!: string;

  @IsIn(ROLES)
  role!: Role;

  @ValidateIf(({ products }) => products !== undefined && products !== 'all')
  @IsArray({ message: 'must be "all" or a list of slugs' })
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  products?: 'all' | string[];

  @IsBoolean()
  @MayBeAbsent()
  may_read_payloads?: boolean;
}

/** An OpenID Connect provider as OIDC_PROVIDERS describes it. */
class ProviderSettings {
  /** Stands in the redirect address. */
  @Matches(/^[a-z0-9][a-z0-9-]{0,39}$/, { message: 'must be up to 40 of a-z 0-9 -' })
  id!: string;

  /** What the button of the sign-in page says. */
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  name!: string;

  @IsUrl({ protocols: ['https', 'http'], require_protocol: true, require_tld: false, allow_fragments: false })
  issuer!: string;

  @IsString()
  @MinLength(1)
  @MaxLength(500)
  client_id!: string;

  /** This or `client_secret_file`; neither for a public client. */
  @IsString()
  @MinLength(1)
  @MayBeAbsent()
  client_secret?: string;

  @IsString()
  @MinLength(1)
  @MayBeAbsent()
  client_secret_file?: string;

  @IsArray()
  @ArrayMaxSize(50)
  @Matches(/^[\x21\x23-\x5b\x5d-\x7e]+$/, { each: true })
  @MayBeAbsent()
  scopes?: string[];

  @IsString()
  @MinLength(1)
  @MaxLength(500)
  @MayBeAbsent()
  groups_claim?: string;

  @IsBoolean()
  @MayBeAbsent()
  require_verified_email?: boolean;

  @IsBoolean()
  @MayBeAbsent()
  link_by_email?: boolean;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1_000)
  @ValidateNested({ each: true })
  @Type(() => GroupGrantSettings)
  grants!: GroupGrantSettings[];
}

export interface OidcProvider {
  id: string;
  name: string;
  issuer: URL;
  client_id: string;
  /** null: a public client, which PKCE alone protects. */
  client_secret: string | null;
  scopes: readonly string[];
  groups_claim: string;
  /** The e-mail address counts only where the provider says that it is verified. */
  require_verified_email: boolean;
  /** A local user with the same verified e-mail address becomes this person’s. */
  link_by_email: boolean;
  grants: readonly GroupGrant[];
}

const MOST = 20;

/** Reads OIDC_PROVIDERS. Faults name the place and never repeat a value. */
export function parseProviders(
  text: string,
  { is_production }: { is_production: boolean },
): { providers: OidcProvider[]; faults: string[] } {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    return { providers: [], faults: ['must be JSON: a list of providers'] };
  }
  if (!Array.isArray(input) || input.length > MOST) {
    return { providers: [], faults: [`must be a list of up to ${MOST} providers`] };
  }
  const providers: OidcProvider[] = [];
  const faults: string[] = [];
  for (const [index, one] of input.entries()) {
    const read = readProvider(one, is_production);
    if (Array.isArray(read)) faults.push(...read.map((fault) => `[${index}]${fault}`));
    else providers.push(read);
  }
  for (const [index, { id }] of providers.entries()) {
    if (providers.findIndex((other) => other.id === id) !== index) faults.push(`has two providers with the id ${id}`);
  }
  return { providers, faults };
}

function readProvider(input: unknown, is_production: boolean): OidcProvider | string[] {
  const shape = validateShape(ProviderSettings, input);
  if (!shape.ok) return shape.faults.map(({ field, message }) => `${field && `.${field}`} ${message}`);
  const { client_secret_file, ...settings } = shape.value;
  const faults: string[] = [];
  const issuer = new URL(settings.issuer);
  if (
    is_production &&
    issuer.protocol === 'http:' &&
    !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(issuer.hostname)
  ) {
    faults.push('.issuer must begin with https://');
  }
  if (issuer.search !== '' || issuer.username !== '') faults.push('.issuer must have neither query nor user');
  let { client_secret = null } = settings as { client_secret?: string | null };
  if (client_secret_file !== undefined) {
    if (client_secret !== null) faults.push('.client_secret_file is set, and so is client_secret: only one may be');
    try {
      client_secret = readFileSync(client_secret_file, 'utf8').replace(/(\r?\n)+$/, '');
      if (client_secret === '') faults.push('.client_secret_file names an empty file');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      faults.push(`.client_secret_file names a file that cannot be read (${code})`);
    }
  }
  if (faults.length > 0) return faults;
  return {
    id: settings.id,
    name: settings.name,
    issuer,
    client_id: settings.client_id,
    client_secret,
    scopes: [...new Set(['openid', ...(settings.scopes ?? ['email', 'profile'])])],
    groups_claim: settings.groups_claim ?? 'groups',
    require_verified_email: settings.require_verified_email ?? true,
    link_by_email: settings.link_by_email ?? false,
    grants: settings.grants,
  };
}
