import { type EnvironmentClass, type EnvOptions, variablesOf } from './env-decorator';

/** One variable as documents show it. */
export interface VariableDescription {
  variable: string;
  property: string;
  section: string;
  /** In words: `integer 1–65535`, `one of json, pretty`. */
  type: string;
  /** Default as it would be written in the environment; null when there is none. */
  default: string | null;
  required: boolean;
  secret: boolean;
  example: string | null;
  doc: string;
}

/** Every variable of a class, in declaration order. */
export function describeEnvironment(environmentClass: EnvironmentClass): VariableDescription[] {
  const title = environmentClass.title ?? environmentClass.name;
  return variablesOf(environmentClass).map(({ variable, property, options }) => ({
    variable,
    property,
    section: options.section ?? title,
    type: typeInWords(options),
    default: options.default === undefined ? null : defaultAsText(options),
    required: options.required ?? false,
    secret: options.secret ?? false,
    example: options.example ?? null,
    doc: options.doc,
  }));
}

/** Text of `.env.example`: every variable once, defaults commented out, required ones open. */
export function renderEnvExample(...classes: EnvironmentClass[]): string {
  const lines: string[] = [
    '# Every variable with its default. X_FILE names a file that holds X (a mounted secret). Empty = not set.',
  ];
  for (const [section, variables] of bySection(classes)) {
    lines.push('', `# --- ${section} ---`);
    for (const v of variables) {
      lines.push('', `# ${v.doc}`, `# ${notes(v)}`);
      const value = quoted(v.default ?? v.example ?? '');
      lines.push(v.required ? `${v.variable}=${value}` : `#${v.variable}=${value}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function bySection(classes: readonly EnvironmentClass[]): Map<string, VariableDescription[]> {
  const sections = new Map<string, VariableDescription[]>();
  const seen = new Set<string>();
  for (const v of classes.flatMap(describeEnvironment)) {
    if (seen.has(v.variable)) continue;
    seen.add(v.variable);
    sections.set(v.section, [...(sections.get(v.section) ?? []), v]);
  }
  return sections;
}

function notes(v: VariableDescription): string {
  return [v.type, v.required ? 'required' : null, v.secret ? 'secret' : null].filter((n) => n !== null).join(', ');
}

function typeInWords(options: EnvOptions): string {
  switch (options.type) {
    case undefined:
    case 'string':
      return options.oneOf ? `one of ${options.oneOf.join(', ')}` : 'text';
    case 'integer':
      return `integer${range(options)}`;
    case 'duration_ms':
      return 'duration (250ms, 5s, 2m, 1h, 1d)';
    case 'boolean':
      return 'true or false';
    case 'url':
      return options.protocols ? `URL (${options.protocols.map((p) => `${p}://`).join(', ')})` : 'URL';
    case 'path':
      return 'path';
    case 'key':
      return `${options.bytes ?? 32} bytes in base64 or hexadecimal`;
    case 'list':
      return options.oneOf ? `list of ${options.oneOf.join(', ')}` : 'list, comma separated';
    default: {
      const never: never = options;
      return never;
    }
  }
}

function range({ min, max }: { min?: number; max?: number }): string {
  if (min !== undefined && max !== undefined) return ` ${min}–${max}`;
  if (min !== undefined) return ` from ${min}`;
  return max === undefined ? '' : ` up to ${max}`;
}

function defaultAsText(options: EnvOptions): string {
  if (options.type === 'duration_ms') return `${options.default}ms`;
  return Array.isArray(options.default) ? options.default.join(',') : String(options.default);
}

/** Readers of `.env` files end a bare value at a blank or `#`. */
function quoted(value: string): string {
  return /[\s#'"$\\]/.test(value) ? `'${value}'` : value;
}
