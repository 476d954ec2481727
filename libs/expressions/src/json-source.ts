import { endOfString } from './json-numbers';

/**
 * The text of the value at `path` in a JSON text that is known to be sound; null when there is none. For what parsing
 * would change: a 64-bit integer, a decimal with more digits than a double holds.
 */
export function jsonSourceAt(text: string, path: readonly (string | number)[]): string | null {
  let at = skipBlanks(text, 0);
  for (const part of path) {
    const found =
      typeof part === 'number' && text[at] === '[' ? itemAt(text, at, part) : memberAt(text, at, String(part));
    if (found === -1) return null;
    at = found;
  }
  return text.slice(at, endOfValue(text, at));
}

function memberAt(text: string, from: number, name: string): number {
  if (text[from] !== '{') return -1;
  let found = -1;
  let at = skipBlanks(text, from + 1);
  while (text[at] === '"') {
    const end = endOfString(text, at);
    const value = skipBlanks(text, skipBlanks(text, end) + 1);
    // JSON.parse keeps the last of several members of one name.
    if (JSON.parse(text.slice(at, end)) === name) found = value;
    at = skipBlanks(text, endOfValue(text, value));
    if (text[at] !== ',') break;
    at = skipBlanks(text, at + 1);
  }
  return found;
}

function itemAt(text: string, from: number, index: number): number {
  let at = skipBlanks(text, from + 1);
  for (let passed = 0; text[at] !== ']'; passed += 1) {
    if (passed === index) return at;
    at = skipBlanks(text, endOfValue(text, at));
    if (text[at] !== ',') return -1;
    at = skipBlanks(text, at + 1);
  }
  return -1;
}

function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== '{' && first !== '[') {
    let at = from;
    while (at < text.length && !',]} \t\r\n'.includes(text[at] as string)) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at) - 1;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at += 1;
  return at;
}
