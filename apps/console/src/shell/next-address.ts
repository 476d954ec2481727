const BASE = 'https://console.invalid';

/**
 * The address a link asked for by `?next=`, when it is a path of this server; null for anything that would lead elsewhere
 * (`//host`, `/\host`, `https://…`, `javascript:…`).
 */
export function safeNext(next: string | null): string | null {
  if (!next?.startsWith('/') || !URL.canParse(next, BASE)) return null;
  const url = new URL(next, BASE);
  return url.origin === BASE ? url.pathname + url.search + url.hash : null;
}

/** Is the address served by the server itself, and not a page of the console? */
export function isServerPage(path: string): boolean {
  return /^\/(admin|docs|api)(\/|$)/.test(path);
}
