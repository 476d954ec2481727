import { REDACTED } from './redact-text';

/** Shorter values are words like `on` or `1883`, and hiding those would make logs nonsense. */
export const MIN_SECRET_LENGTH = 6;

/**
 * The set of known secret values, found in a text in any of their usual spellings.
 *
 * Looked up by their first characters, not by one large regular expression: with 300 private keys that took 13 s to compile
 * and 2 ms a line.
 */
export class SecretValues {
  // The same value may be the secret of several owners; it stays hidden until the last one removes it.
  private readonly owners = new Map<string, number>();
  /** By their first `MIN_SECRET_LENGTH` characters. */
  private readonly spellings = new Map<string, string[]>();
  /** Which hashes of three characters begin a spelling; spares a look into the map at nearly every character. */
  private readonly beginnings = new Uint8Array(65_536);

  /** Values shorter than `MIN_SECRET_LENGTH` are ignored. */
  add(value: string): void {
    if (value.length < MIN_SECRET_LENGTH) return;
    const count = this.owners.get(value) ?? 0;
    this.owners.set(value, count + 1);
    if (count > 0) return;
    for (const spelling of spellingsOf(value)) {
      const start = spelling.slice(0, MIN_SECRET_LENGTH);
      this.spellings.set(start, [...(this.spellings.get(start) ?? []), spelling]);
      this.beginnings[hashAt(spelling, 0)] = 1;
    }
  }

  remove(value: string): void {
    const count = this.owners.get(value);
    if (count === undefined) return;
    if (count > 1) {
      this.owners.set(value, count - 1);
      return;
    }
    this.owners.delete(value);
    for (const spelling of spellingsOf(value)) {
      const start = spelling.slice(0, MIN_SECRET_LENGTH);
      const list = [...(this.spellings.get(start) ?? [])];
      // One of them only: another secret may have the same spelling.
      list.splice(list.indexOf(spelling), 1);
      if (list.length > 0) this.spellings.set(start, list);
      else this.spellings.delete(start);
    }
  }

  /** Overlapping secrets are hidden together, so that no tail of one is left standing. */
  hideIn(text: string): string {
    if (this.spellings.size === 0) return text;
    let shown = '';
    let hiddenUntil = 0;
    for (let at = 0; at <= text.length - MIN_SECRET_LENGTH; at += 1) {
      if (this.beginnings[hashAt(text, at)] === 0) continue;
      const length = this.secretLengthAt(text, at);
      if (length === 0) continue;
      if (at >= hiddenUntil) shown += text.slice(hiddenUntil, at) + REDACTED;
      hiddenUntil = Math.max(hiddenUntil, at + length);
    }
    return hiddenUntil === 0 ? text : shown + text.slice(hiddenUntil);
  }

  private secretLengthAt(text: string, at: number): number {
    let longest = 0;
    for (const spelling of this.spellings.get(text.slice(at, at + MIN_SECRET_LENGTH)) ?? []) {
      if (spelling.length > longest && text.startsWith(spelling, at)) longest = spelling.length;
    }
    return longest;
  }
}

function hashAt(text: string, at: number): number {
  return (text.charCodeAt(at) * 961 + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2)) & 0xffff;
}

/** As it is, inside JSON, in either base64, inside HTML, inside a URL and inside a form. */
function spellingsOf(value: string): Set<string> {
  const bytes = Buffer.from(value);
  const spellings = new Set([
    value,
    JSON.stringify(value).slice(1, -1),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    new URLSearchParams({ '': value }).toString().slice(1),
  ]);
  // Half a surrogate pair has no URL encoding.
  if (!/\p{Surrogate}/u.test(value)) spellings.add(encodeURIComponent(value));
  return spellings;
}
