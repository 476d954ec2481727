import { type Plain, toPlain } from './plain-value';
import { redactPatterns } from './redact-text';
import { SecretValues } from './secret-values';

/** Hides secrets in what is logged, audited or shown. Nothing in it throws. */
export interface Redactor {
  /**
   * Hides this value wherever it stands, also URL-encoded, JSON-escaped or in base64. Values shorter than 6 characters are
   * ignored. Adding twice needs removing twice.
   */
  addSecret(value: string | null | undefined): void;
  removeSecret(value: string | null | undefined): void;
  /** A text without known secrets, URL passwords, bearer tokens and private keys. */
  redactText(text: string): string;
  /** Any value as plain JSON: secrets hidden by value and by field name, errors with stack and cause, cycles cut. */
  redact(value: unknown): Plain;
}

export function createRedactor(): Redactor {
  const secrets = new SecretValues();
  const redactText = (text: string): string => redactPatterns(secrets.hideIn(text));
  return {
    addSecret: (value) => {
      if (value) secrets.add(value);
    },
    removeSecret: (value) => {
      if (value) secrets.remove(value);
    },
    redactText,
    redact: (value) => toPlain(value, redactText),
  };
}
