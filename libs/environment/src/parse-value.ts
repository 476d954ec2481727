import type { EnvOptions } from './env-decorator';

export type Parsed = { value: string | number | boolean | readonly string[] } | { fault: string };

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

/** Turns a non-empty text into the declared type, or says what it must be. The fault never repeats the text. */
export function parseValue(text: string, options: EnvOptions): Parsed {
  switch (options.type) {
    case undefined:
    case 'string': {
      if (options.oneOf && !options.oneOf.includes(text)) return oneOfFault(options.oneOf);
      if (options.minLength !== undefined && text.length < options.minLength) {
        return { fault: `must have at least ${options.minLength} characters` };
      }
      if (options.pattern && !options.pattern.regex.test(text)) return { fault: options.pattern.message };
      return { value: text };
    }
    case 'integer':
      if (!/^[+-]?\d{1,15}$/.test(text)) return { fault: 'must be an integer' };
      return inRange(Number(text), options);
    case 'duration_ms': {
      const match = /^(\d{1,12})(ms|s|m|h|d)?$/.exec(text);
      if (!match)
        return { fault: 'must be a duration such as 250ms, 5s, 2m, 1h or 1d (a bare number is milliseconds)' };
      return inRange(Number(match[1]) * (UNITS_MS[match[2] ?? 'ms'] ?? 1), options);
    }
    case 'boolean': {
      const lower = text.toLowerCase();
      if (TRUE.has(lower)) return { value: true };
      if (FALSE.has(lower)) return { value: false };
      return { fault: 'must be true or false' };
    }
    case 'url':
      return parseUrl(text, options.protocols);
    case 'path':
      return text.includes('\0') ? { fault: 'must be a path' } : { value: text };
    case 'key':
      return parseKey(text, options.bytes ?? 32);
    case 'list':
      return parseList(text, options);
    default: {
      const never: never = options;
      throw new TypeError(`unknown variable type ${JSON.stringify(never)}`);
    }
  }
}

function inRange(value: number, { min, max }: { min?: number; max?: number }): Parsed {
  if ((min !== undefined && value < min) || (max !== undefined && value > max)) return { fault: rangeFault(min, max) };
  return { value };
}

function rangeFault(min: number | undefined, max: number | undefined): string {
  if (min === undefined) return `must be at most ${max}`;
  if (max === undefined) return `must be at least ${min}`;
  return `must be from ${min} to ${max}`;
}

function oneOfFault(allowed: readonly string[]): { fault: string } {
  return { fault: `must be one of ${allowed.join(', ')}` };
}

function parseUrl(text: string, protocols: readonly string[] | undefined): Parsed {
  const expected = protocols ? ` beginning with ${protocols.map((p) => `${p}://`).join(' or ')}` : '';
  if (!URL.canParse(text)) return { fault: `must be a URL${expected}` };
  const scheme = new URL(text).protocol.slice(0, -1);
  if (protocols && !protocols.includes(scheme)) return { fault: `must be a URL${expected}` };
  return { value: text };
}

function parseKey(text: string, bytes: number): Parsed {
  const isHex = text.length === bytes * 2 && /^[0-9a-fA-F]+$/.test(text);
  const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) && Buffer.from(text, 'base64').length === bytes;
  return isHex || isBase64 ? { value: text } : { fault: `must be ${bytes} bytes in base64 or hexadecimal` };
}

function parseList(text: string, options: Extract<EnvOptions, { type: 'list' }>): Parsed {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  for (const [index, item] of items.entries()) {
    if (options.oneOf && !options.oneOf.includes(item)) return oneOfFault(options.oneOf);
    const parsed =
      options.items === 'url'
        ? parseUrl(item, undefined)
        : options.items === 'key'
          ? parseKey(item, 32)
          : { value: item };
    if ('fault' in parsed) return { fault: `item ${index + 1} ${parsed.fault}` };
  }
  return { value: Object.freeze(items) };
}
