/** U+0000, which `jsonb` and `text` of PostgreSQL refuse, and halves of surrogate pairs, which `jsonb` refuses. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what has to be found.
const UNSTORABLE = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A text from outside as every store takes it: each character that one would refuse becomes U+FFFD. */
export function cleanText(text: string): string {
  return text.replace(UNSTORABLE, '\ufffd');
}

/** At most `limit` UTF-16 units of a clean text, never half a character, with an ellipsis where something is left out. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return cleanText(text);
  const isInsidePair = /[\ud800-\udbff]/.test(text.charAt(limit - 1));
  return `${cleanText(text.slice(0, isInsidePair ? limit - 1 : limit))}…`;
}

/** A plain JSON value with every text in it cleaned, keys included; what needs no change is returned as it is. */
export function cleanTexts<T>(value: T): T {
  if (typeof value === 'string') return cleanText(value) as T;
  if (Array.isArray(value)) return value.map(cleanTexts) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleanText(key), cleanTexts(item)])) as T;
}
