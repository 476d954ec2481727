import { parseTemplate, ExpressionError, type TemplatePart } from '@cortex-mqtt/expressions';
import { ActionFault } from '../action-fault';

/**
 * What is wrong with a URL template, in words; null when nothing is. Scheme, host and port are the definition's: a message
 * must not choose who gets a request. They are written out, or come from a secret (`{{secrets.URL}}`, `https://{{secrets.HOST}}/…`).
 */
export function webhookUrlFault(text: string): string | null {
  const parts = partsOf(text);
  if (parts === null) return null; // The template's own fault is told elsewhere.
  const head = headOf(parts);
  if (head.some((part) => typeof part !== 'string' && part.kind !== 'secret')) {
    return 'the host must not come from the message: write it out, or keep it in a secret';
  }
  if (leadingSecretRuns(parts)) {
    return 'a secret in front must be followed by "/", "?", "#" or nothing: what is appended to a host chooses another one';
  }
  // Whatever stands for a value is no dot: what a message brings is checked when it comes.
  const written = parts.map((part) => (typeof part === 'string' ? part : 'x')).join('');
  if (hasDotSegment(written)) return 'must not hold "." or ".." as part of its path: write the path it leads to';
  if (head.some((part) => typeof part !== 'string')) return null;
  const origin = head.join('');
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return 'must be an http:// or https:// URL';
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http:// or https:// URL';
  if (url.username !== '' || url.password !== '')
    return 'must not hold a user name or password; use an Authorization header';
  return null;
}

/** A secret that holds the whole base, with something behind that would belong to its host. */
function leadingSecretRuns([first, next]: readonly TemplatePart[]): boolean {
  if (first === undefined || typeof first === 'string' || next === undefined) return false;
  return typeof next !== 'string' || !/^[/?#]/.test(next);
}

/** `.` or `..` between slashes, percent-encoded or not: a URL parser takes the folder before it away. */
function hasDotSegment(url: string): boolean {
  const path = url.replace(/^[^:/?#]+:\/\/[^/?#]*/, '').replace(/[?#].*$/s, '');
  return /(?:^|[/\\])(?:\.|%2e){1,2}(?=[/\\]|$)/i.test(path);
}

function partsOf(text: string): TemplatePart[] | null {
  try {
    return parseTemplate(text);
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}

/** Everything up to the first `/`, `?` or `#` behind `://`; a secret at the very beginning holds the whole base. */
function headOf(parts: readonly TemplatePart[]): TemplatePart[] {
  const first = parts[0];
  if (first !== undefined && typeof first !== 'string' && first.kind === 'secret') return [first];
  const head: TemplatePart[] = [];
  let seen = '';
  for (const part of parts) {
    if (typeof part !== 'string') {
      head.push(part);
      seen += 'x';
      continue;
    }
    const authority = /^[a-z][a-z0-9+.-]*:\/\//i.exec(seen + part);
    const from = authority ? authority[0].length : 0;
    const end = authority ? (seen + part).slice(from).search(/[/?#\\]/) : -1;
    if (end !== -1) {
      head.push((seen + part).slice(seen.length, from + end));
      return head;
    }
    head.push(part);
    seen += part;
  }
  return head;
}

/** Whether the rendered URL begins with a secret, whose value is taken as it is. */
export function startsWithSecret(text: string): boolean {
  const first = partsOf(text)?.[0];
  return first !== undefined && typeof first !== 'string' && first.kind === 'secret';
}

/** The URL of a request. Throws a permanent ActionFault. */
export function parseWebhookUrl(text: string): URL {
  const fail = (message: string): never => {
    throw new ActionFault(message, { permanent: true, detail: { code: 'INVALID_URL' } });
  };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return fail('the URL is not valid once its values are filled in');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return fail('the URL must begin with http:// or https://');
  if (url.username !== '' || url.password !== '') return fail('the URL must not hold a user name or password');
  // `..` isn't percent-encoded: a value could choose another path.
  if (hasDotSegment(text)) return fail('a value in the URL is "." or "..", which would change its path');
  return url;
}
