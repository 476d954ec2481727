import { REDACTED } from './redact-text';

/** Shorter values are words like `on` or `1883`, and hiding those would make logs nonsense. */
export const MIN_SECRET_LENGTH = 6;

/** The set of known secret values, as one expression that finds them in a text in any of their usual spellings. */
export class SecretValues {
  // The same value may be the secret of several owners; it stays hidden until the last one removes it.
  private readonly owners = new Map<string, number>();
  private expression: RegExp | null = null;
  private stale = false;

  /** @returns false when the value is too short to be hidden. */
  add(value: string): boolean {
    if (value.length < MIN_SECRET_LENGTH) return false;
    this.owners.set(value, (this.owners.get(value) ?? 0) + 1);
    this.stale = true;
    return true;
  }

  remove(value: string): void {
    const count = this.owners.get(value);
    if (count === undefined) return;
    if (count > 1) this.owners.set(value, count - 1);
    else this.owners.delete(value);
    this.stale = true;
  }

  hideIn(text: string): string {
    if (this.stale) this.compile();
    return this.expression === null ? text : text.replace(this.expression, REDACTED);
  }

  private compile(): void {
    // Longest first, so that a secret that contains another is hidden whole.
    const spellings = [...new Set([...this.owners.keys()].flatMap(spellingsOf))].sort((a, b) => b.length - a.length);
    this.expression = spellings.length === 0 ? null : new RegExp(spellings.map(escapeRegex).join('|'), 'g');
    this.stale = false;
  }
}

function spellingsOf(value: string): string[] {
  const spellings = [value, JSON.stringify(value).slice(1, -1), Buffer.from(value).toString('base64')];
  // A lone surrogate has no URL encoding.
  if (!/\p{Surrogate}/u.test(value)) spellings.push(encodeURIComponent(value));
  return spellings;
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
