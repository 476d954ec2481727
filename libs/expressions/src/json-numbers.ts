/**
 * What reading a number of a JSON text into a double does to it. `rewritten`: it is written differently afterwards (`100.00`,
 * `1e3`, more decimals than a double holds). `rounded`: it is another one, such as an identifier above 2^53 or `1e400`.
 */
export type NumberChange = 'none' | 'rewritten' | 'rounded';

/** What happens to a number that is written like this. */
export function numberChange(digits: string): NumberChange {
  const value = Number(digits);
  if (JSON.stringify(value) === digits) return 'none';
  if (!Number.isFinite(value)) return 'rounded';
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return 'rewritten';
  // Whatever is that large is an integer to a double. One with a fraction or an exponent is not worth the arithmetic.
  return /^-?\d+$/.test(digits) && BigInt(digits) === BigInt(value) ? 'rewritten' : 'rounded';
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** A number that parsing might change; a text without such a run of characters has none. */
const MAY_CHANGE = /\d{16}|\d[.eE]|-0/;

/** Whether a text may have such a number. False is sure. */
export const mayChange = (text: string): boolean => MAY_CHANGE.test(text);

/** The greatest change that parsing a sound JSON text makes to any of its numbers. */
export function greatestChange(text: string): NumberChange {
  let greatest: NumberChange = 'none';
  if (!mayChange(text)) return greatest;
  replaceNumbers(text, (digits) => {
    const change = numberChange(digits);
    if (change === 'rounded' || greatest === 'none') greatest = change === 'none' ? greatest : change;
    return digits;
  });
  return greatest;
}

/** A sound JSON text with each of its numbers replaced. */
export function replaceNumbers(text: string, replace: (digits: string) => string): string {
  const made: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      NUMBER.lastIndex = at;
      const digits = NUMBER.exec(text)?.[0] ?? text.charAt(at);
      const replacement = replace(digits);
      if (replacement !== digits) {
        made.push(text.slice(copied, at), replacement);
        copied = at + digits.length;
      }
      at += digits.length;
    } else {
      at += 1;
    }
  }
  return copied === 0 ? text : made.join('') + text.slice(copied);
}

/** A sound JSON text without the blanks between its values. */
export function compactJson(text: string): string {
  if (!/[ \t\r\n]/.test(text)) return text;
  const made: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const char = text.charCodeAt(at);
    if (char === 0x22) {
      at = endOfString(text, at);
    } else if (char === 0x20 || char === 0x09 || char === 0x0a || char === 0x0d) {
      made.push(text.slice(copied, at));
      at += 1;
      copied = at;
    } else {
      at += 1;
    }
  }
  return made.join('') + text.slice(copied);
}

/** Offset behind the string that begins at `from`. */
export function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at + 1;
  }
  return text.length;
}
