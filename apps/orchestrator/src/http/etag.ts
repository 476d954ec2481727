import { createHash } from 'node:crypto';
import { PreconditionFailedError, ValidationError } from './app-error';

/**
 * A version of a product's configuration. The number counts for people; the key, drawn again at each change, makes it an
 * identity: after a restored dump or a failover to a replica that lagged, two configurations can have the same number.
 */
export interface Revision {
  number: number;
  /** Empty for a configuration that has not changed since revisions got keys. */
  key: string;
}

/** What a tag of `If-Match` names: a revision, with its key where the tag has one. */
export interface ExpectedRevision {
  number: number;
  /** null for a tag of the number alone, which names whichever revision has it today. */
  key: string | null;
}

/** What `If-Match` lists: one of them has to be the current one. Empty when it lists only tags that are none of ours. */
export type ExpectedRevisions = readonly ExpectedRevision[];

/** A strong entity tag of a revision, such as `"12-aB3_dE5f"` (RFC 9110, 8.8.3). */
export function revisionTag({ number, key }: Revision): string {
  return key === '' ? `"${number}"` : `"${number}-${key}"`;
}

/** The revisions that `If-Match` demands: undefined when the header is absent or `*` (last write wins). */
export function expectedRevision(header: string | undefined): ExpectedRevisions | undefined {
  return expectedTags(header)?.flatMap((tag) => {
    const match = /^"(\d{1,10})(?:-([\w-]{1,16}))?"$/.exec(tag);
    return match ? [{ number: Number(match[1]), key: match[2] ?? null }] : [];
  });
}

/** True when one of the expected revisions is the current one. */
export function namesRevision(expected: ExpectedRevisions, current: Revision): boolean {
  return expected.some(({ number, key }) => number === current.number && (key === null || key === current.key));
}

/** A strong entity tag of what a view says; fields that change by being used, such as `last_used_at`, are left out. */
export function contentTag<T extends object>(view: T, without: readonly (keyof T)[] = []): string {
  const content = JSON.stringify(view, (field, value: unknown) =>
    without.includes(field as keyof T) ? undefined : value,
  );
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}

/**
 * The tags that `If-Match` lists: undefined when the header is absent or `*`. Weak tags are left out: they never match
 * strongly (RFC 9110, 13.1.1).
 */
export function expectedTags(header: string | undefined): readonly string[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = listedTags(header);
  if (tags === null) {
    throw new ValidationError([{ field: 'If-Match', message: 'must be entity tags such as "12-aB3_dE5f"' }]);
  }
  return tags.filter((tag) => !tag.startsWith('W/'));
}

/** @throws {PreconditionFailedError} when tags are expected and the current one is none of them. */
export function requireTag(expected: readonly string[] | undefined, current: string): void {
  if (expected !== undefined && !expected.includes(current)) {
    throw new PreconditionFailedError('It was changed since you read it. Read it again and repeat your change.');
  }
}

/** True when `If-None-Match` holds the tag, so that 304 is the answer (RFC 9110, 13.1.2). */
export function noneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return (listedTags(header) ?? []).some((candidate) => candidate.replace(/^W\//, '') === tag.replace(/^W\//, ''));
}

const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"/g;

/** The tags of a list, or null when it is none. A comma may stand inside a tag. */
function listedTags(header: string): string[] | null {
  const rest = header.replace(TAG, '');
  return /^[\s,]*$/.test(rest) ? (header.match(TAG) ?? []) : null;
}
