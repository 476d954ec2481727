import type { MqttConfigDocument } from '../../api/types';

/** What should happen to a secret that the server stores and never shows. */
export type SecretDraft = { kind: 'keep' } | { kind: 'replace'; value: string } | { kind: 'clear' };

export const KEEP: SecretDraft = { kind: 'keep' };

/**
 * The whole configuration as one level of `section.field` → value, such as `broker.host`; the same names the API uses
 * for its faults. Comparing, merging and showing a difference are then one loop.
 */
export type ConfigDraft = Readonly<Record<string, unknown>>;

export const SECRETS = [
  'broker.password',
  'broker.proxy_password',
  'broker.client_key',
  'broker.client_key_passphrase',
] as const;
/** Sent by the server or derived from another field: never edited itself. */
const DERIVED = new Set<string>([...SECRETS.map((secret) => `${secret}_set`), 'broker.use_tls']);

export interface Change {
  field: string;
  before: unknown;
  after: unknown;
}

export interface Conflict {
  field: string;
  base: unknown;
  mine: unknown;
  theirs: unknown;
}

export interface Merge {
  merged: ConfigDraft;
  /** Fields that both sides changed, to different values; `merged` has mine. */
  conflicts: Conflict[];
  /** What the other side changed and I did not. */
  taken: Change[];
}

export function draftOf(document: MqttConfigDocument): ConfigDraft {
  const draft: Record<string, unknown> = {};
  for (const [section, fields] of Object.entries(document.mqtt_config)) {
    for (const [name, value] of Object.entries(fields)) {
      const field = `${section}.${name}`;
      if (!DERIVED.has(field)) draft[field] = value;
    }
  }
  for (const secret of SECRETS) draft[secret] = KEEP;
  return draft;
}

export function changesBetween(before: ConfigDraft, after: ConfigDraft): Change[] {
  return Object.keys({ ...before, ...after })
    .filter((field) => !same(before[field], after[field]))
    .map((field) => ({ field, before: before[field], after: after[field] }));
}

/** Three-way merge: `mine` and `theirs` both began from `base`. */
export function mergeDrafts(base: ConfigDraft, mine: ConfigDraft, theirs: ConfigDraft): Merge {
  const merged: Record<string, unknown> = { ...mine };
  const conflicts: Conflict[] = [];
  const taken: Change[] = [];
  for (const { field, after } of changesBetween(base, theirs)) {
    if (same(mine[field], after)) continue;
    if (same(mine[field], base[field])) {
      merged[field] = after;
      taken.push({ field, before: base[field], after });
    } else {
      conflicts.push({ field, base: base[field], mine: mine[field], theirs: after });
    }
  }
  return { merged, conflicts, taken };
}

/** Body of the PUT: only what changed, so that a save never writes back what somebody else has changed. */
export function bodyOf(changes: Change[]): Record<string, Record<string, unknown>> {
  const body: Record<string, Record<string, unknown>> = {};
  for (const { field, after } of changes) {
    const [section = '', name = ''] = splitField(field);
    body[section] ??= {};
    body[section][name] = isSecretField(field) ? secretValue(after as SecretDraft) : after;
  }
  return body;
}

/** Body of a connection test: the broker as it is in the form. Secrets that are kept are left to the server. */
export function testBodyOf(draft: ConfigDraft): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(draft)) {
    const [section, name = ''] = splitField(field);
    if (section !== 'broker') continue;
    // No host yet: the server says so, by the field's name.
    if (name === 'host' && value === null) body[name] = '';
    else if (!isSecretField(field)) body[name] = value;
    else if ((value as SecretDraft).kind !== 'keep') body[name] = secretValue(value as SecretDraft);
  }
  return body;
}

export function isSecretField(field: string): boolean {
  return (SECRETS as readonly string[]).includes(field);
}

/** Equal as JSON, with the keys of objects in any order. */
export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => left.localeCompare(right)))
      : inner,
  );
}

function secretValue(secret: SecretDraft): string | null | undefined {
  switch (secret.kind) {
    case 'keep':
      return undefined;
    case 'replace':
      return secret.value;
    case 'clear':
      return null;
  }
}

function splitField(field: string): [section: string, name: string] {
  const dot = field.indexOf('.');
  return [field.slice(0, dot), field.slice(dot + 1)];
}
