/**
 * A text from outside that every store takes: PostgreSQL's `jsonb` refuses U+0000 and halves of a surrogate pair. With `max_chars` it
 * is cut to that, never in the middle of a character, and ends in `…` then.
 */
export function storableText(text: string, max_chars = Number.POSITIVE_INFINITY): string {
  const whole = wellFormed(text).replaceAll('\u0000', '');
  if (whole.length <= max_chars) return whole;
  const kept = max_chars - 1;
  const last = whole.charCodeAt(kept - 1);
  const splits = last >= 0xd800 && last <= 0xdbff;
  return `${whole.slice(0, splits ? kept - 1 : kept)}…`;
}

/** The same for every text in a JSON value, names of fields included. */
export function storableValue<T>(value: T): T {
  return cleaned(value) as T;
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cleaned);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [storableText(name), cleaned(item)]));
}

/** ES2024, there since Node 20. */
const wellFormed = (text: string): string => (text as unknown as { toWellFormed(): string }).toWellFormed();
