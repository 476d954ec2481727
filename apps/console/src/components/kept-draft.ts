import { useEffect } from 'react';

/**
 * What was typed and not saved yet, kept for a reload of this tab. Never a secret: the caller leaves those out. Signing
 * out forgets all of it.
 */
export function readKept<T extends object>(key: string): Partial<T> {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(key) ?? '{}');
    return typeof kept === 'object' && kept !== null ? (kept as Partial<T>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Keeps `value` under `key` as long as it has something; an empty object takes it away. */
export function useKept(key: string, value: object): void {
  const text = JSON.stringify(value);
  useEffect(() => {
    if (text === '{}') sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  }, [key, text]);
}

export function forgetKept(): void {
  sessionStorage.clear();
}
