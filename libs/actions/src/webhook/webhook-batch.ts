import { hash } from 'node:crypto';
import { ActionFault } from '../action-fault';
import type { ItemOutcome } from '../batch/batch-method';
import type { BATCH_FORMATS } from '../batch/batch-settings';
import type { HttpAnswer } from './http/answer-reader';

/** As much of the answer to a batch is read: some hundred bytes for each of 10,000 messages. */
export const BATCH_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_ITEM_TEXT = 1_000;

/** How one message stands in the body of a batch. */
export interface BatchPart {
  id: string;
  /** JSON. */
  json: string;
}

/**
 * A message as an element of a batch: the envelope itself, which has its idempotency id, or `{id, data}` around what the action makes of
 * the message.
 */
export function elementOf({ id, json }: BatchPart, is_envelope: boolean): string {
  return is_envelope ? json : `{"id":${JSON.stringify(id)},"data":${json}}`;
}

/** In JSON a line break stands between tokens only, where a blank means the same. */
export function batchBody(elements: readonly string[], format: (typeof BATCH_FORMATS)[number]): string {
  if (format === 'array') return `[${elements.join(',')}]`;
  return elements.map((element) => `${element.replace(/[\r\n]+/g, ' ')}\n`).join('');
}

/** The same for the same messages in the same order, so that a repeated batch is known as such. */
export function batchId(ids: readonly string[]): string {
  return `batch_${hash('sha256', ids.join('\n'), 'base64url').slice(0, 32)}`;
}

/** Throws ActionFault for a body that a template made and that is no JSON: it would spoil the batch for the others. */
export function assertJson(body: string): void {
  try {
    JSON.parse(body);
  } catch (error) {
    throw new ActionFault(`the body is no JSON, as it has to be in a batch: ${(error as Error).message}`, {
      permanent: true,
      detail: { code: 'BODY_NOT_JSON' },
    });
  }
}

/** One entry of the list that an answer of 207 carries. */
interface Entry {
  id?: string;
  status: number;
  error?: string;
  retry_after_s?: number;
}

/**
 * The outcome of each message from an answer of 207: a list, or `items` or `results` of an object, of `{id, status, error?,
 * retry_after_s?}`. Entries without ids stand in the order of the messages. A message that no entry is about has failed, and may be tried
 * again; so have all where the list can't be read: what was accepted is known to nobody.
 */
export function outcomesOf(
  answer: HttpAnswer,
  ids: readonly string[],
  judge: (status: number) => 'succeeded' | 'permanent' | 'transient',
): readonly ItemOutcome[] {
  const entries = entriesIn(answer);
  if (entries === null) {
    throw new ActionFault('the destination answered 207 without a list of {id, status} that can be read', {
      permanent: false,
      detail: { code: 'BATCH_ANSWER', status: 207, response_excerpt: textOf(answer).slice(0, MAX_ITEM_TEXT) },
    });
  }
  const named = new Map(entries.flatMap((entry) => (entry.id === undefined ? [] : [[entry.id, entry] as const])));
  const in_order = named.size === 0 && entries.length === ids.length;
  return ids.map((id, index) => {
    const entry = in_order ? entries[index] : named.get(id);
    if (entry === undefined) {
      return new ActionFault('the answer to the batch does not say what became of this message', {
        permanent: false,
        detail: { code: 'BATCH_ANSWER', status: 207 },
      });
    }
    const { status, error, retry_after_s } = entry;
    const verdict = judge(status);
    if (verdict === 'succeeded') return { detail: { status } };
    return new ActionFault(`the destination answered ${status} to this message of a batch`, {
      permanent: verdict === 'permanent',
      retry_after_ms: verdict === 'permanent' || retry_after_s === undefined ? null : retry_after_s * 1_000,
      detail: { code: 'HTTP_STATUS', status, ...(error === undefined ? {} : { response_excerpt: error }) },
    });
  });
}

function textOf({ body_latin1 }: HttpAnswer): string {
  return Buffer.from(body_latin1, 'latin1').toString('utf8');
}

function entriesIn(answer: HttpAnswer): Entry[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(textOf(answer));
  } catch {
    // Not a list then, and reported as such by who asked.
    return null;
  }
  const list = Array.isArray(parsed) ? parsed : listIn(parsed);
  if (list === null) return null;
  const entries: Entry[] = [];
  for (const item of list) {
    if (typeof item !== 'object' || item === null) return null;
    const { id, status, error, retry_after_s } = item as Record<string, unknown>;
    if (typeof status !== 'number' || !Number.isInteger(status)) return null;
    entries.push({
      status,
      ...(typeof id === 'string' ? { id } : {}),
      ...(error === undefined || error === null ? {} : { error: asText(error) }),
      ...(typeof retry_after_s === 'number' && retry_after_s >= 0 ? { retry_after_s } : {}),
    });
  }
  return entries;
}

function listIn(parsed: unknown): unknown[] | null {
  if (typeof parsed !== 'object' || parsed === null) return null;
  const { items, results } = parsed as Record<string, unknown>;
  return Array.isArray(items) ? items : Array.isArray(results) ? results : null;
}

function asText(error: unknown): string {
  return (typeof error === 'string' ? error : JSON.stringify(error)).slice(0, MAX_ITEM_TEXT);
}

/** Statuses that are about the request as a whole: smaller batches would be answered alike. */
const ABOUT_ALL = new Set([401, 402, 403, 404, 405, 407, 410, 421, 426, 451, 501]);

/**
 * 413 and other permanent answers may be about one message, and so may 500, which servers give for what they did not foresee. 429, 502,
 * 503, 504 and what never came to an answer are about the destination.
 */
export function mayBeOfOneMessage({ permanent, detail }: ActionFault): boolean {
  const { code, status } = detail;
  if (code !== 'HTTP_STATUS' || typeof status !== 'number') return false;
  if (status >= 300 && status < 400) return false;
  return (permanent && !ABOUT_ALL.has(status)) || status === 500;
}
