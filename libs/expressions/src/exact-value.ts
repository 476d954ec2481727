import { randomBytes } from 'node:crypto';
import { type NumberChange, numberChange, replaceNumbers } from './json-numbers';

/**
 * A JSON value with the digits its numbers came with: an identifier above 2^53 is another one as a double, and `100.00`
 * is written `100`.
 */
export class ExactValue {
  private text: string | null;

  constructor(
    /** As JavaScript has it. */
    readonly value: unknown,
    /** The JSON text; null = what `JSON.stringify` makes of the value is exact. */
    text: string | null,
    /** `kept`: `json` has digits that `value` has lost; `lost`: they may be lost in both, since the value was computed. */
    readonly rounding: 'none' | 'kept' | 'lost',
  ) {
    this.text = text;
  }

  /** Whether `json` says more than `value`. */
  get has_own_text(): boolean {
    return this.text !== null;
  }

  get json(): string {
    return this.text ?? JSON.stringify(this.value);
  }
}

const OPEN = '\u{f8d0}';
const CLOSE = '\u{f8d1}';
/** No message can know it, so none can carry a mark of ours. */
const OURS = OPEN + randomBytes(6).toString('base64url');
const MARK = new RegExp(`${OURS}:([^${CLOSE}]*)${CLOSE}`, 'g');
const ONE_MARK = new RegExp(`^${OURS}:([^${CLOSE}]*)${CLOSE}$`);

/** A JSON text whose numbers that parsing would change are texts, marked so that `exactJson` knows them again. */
export function withMarkedNumbers(text: string, which: Exclude<NumberChange, 'none'>): string {
  return replaceNumbers(text, (digits) => {
    const change = numberChange(digits);
    return change === which || (which === 'rewritten' && change === 'rounded')
      ? JSON.stringify(`${OURS}:${digits}${CLOSE}`)
      : digits;
  });
}

/**
 * The JSON text of what an expression gave, with the digits of the source. `plain` is its result over the parsed payload,
 * `marked` over the payload with marked numbers. Where both have the same shape, the numbers were only moved, or put
 * into texts; null where they differ: the expression computed with a number, and its result stands as it is.
 */
export function exactJson(plain: unknown, marked: unknown): { json: string; keeps_rounded: boolean } | null {
  const found = { keeps_rounded: false };
  const json = written(plain, marked, found);
  return json === null ? null : { json, ...found };
}

function written(plain: unknown, marked: unknown, found: { keeps_rounded: boolean }): string | null {
  if (typeof marked === 'string') return writtenText(plain, marked, found);
  if (typeof plain !== 'object' || plain === null || typeof marked !== 'object' || marked === null)
    return Object.is(plain, marked) ? JSON.stringify(plain) : null;
  if (Array.isArray(plain) !== Array.isArray(marked)) return null;
  if (Array.isArray(plain) && Array.isArray(marked)) {
    if (plain.length !== marked.length) return null;
    const items: string[] = [];
    for (let at = 0; at < plain.length; at += 1) {
      const item = written(plain[at], marked[at], found);
      if (item === null) return null;
      items.push(item);
    }
    return `[${items.join(',')}]`;
  }
  const names = Object.keys(plain);
  if (names.length !== Object.keys(marked).length) return null;
  const members: string[] = [];
  for (const name of names) {
    if (!Object.hasOwn(marked, name)) return null;
    const member = written((plain as Record<string, unknown>)[name], (marked as Record<string, unknown>)[name], found);
    if (member === null) return null;
    members.push(`${JSON.stringify(name)}:${member}`);
  }
  return `{${members.join(',')}}`;
}

function writtenText(plain: unknown, marked: string, found: { keeps_rounded: boolean }): string | null {
  const digits = ONE_MARK.exec(marked)?.[1];
  if (digits !== undefined && typeof plain === 'number') {
    if (!Object.is(plain, Number(digits))) return null;
    found.keeps_rounded ||= numberChange(digits) === 'rounded';
    return digits;
  }
  if (typeof plain !== 'string') return null;
  if (plain === marked) return JSON.stringify(plain);
  // A text that was put together: its numbers become the same ones again, unless the double is another one.
  let at = 0;
  let read = 0;
  let text = '';
  for (const mark of marked.matchAll(MARK)) {
    const literal = marked.slice(at, mark.index);
    if (!plain.startsWith(literal, read)) return null;
    read += literal.length;
    const shown = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/.exec(plain.slice(read, read + 40))?.[0];
    if (shown === undefined) return null;
    read += shown.length;
    at = mark.index + mark[0].length;
    const own = mark[1] as string;
    text += literal + (numberChange(own) === 'rounded' ? own : shown);
  }
  return plain.slice(read) === marked.slice(at) ? JSON.stringify(text + marked.slice(at)) : null;
}
