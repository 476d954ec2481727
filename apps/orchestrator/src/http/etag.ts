import { PreconditionFailedError, ValidationError } from './app-error';

/**
 * A version of a product's configuration. The number counts for people; the key, drawn anew at each change, makes it an
 * identity: after a restored dump or a failover to a replica that lagged, two configurations can have the same number.
 */
export interface Revision {
  number: number;
  /** Empty for a configuration that has not changed since revisions got keys. */
  key: string;
}

/** What `If-Match` names: a revision, with its key where the tag has one. */
export interface ExpectedRevision {
  number: number;
  /** null for a tag of the number alone, which names whichever revision has it today. */
  key: string | null;
}

/** A strong entity tag of a revision, such as `"12-aB3_dE5f"` (RFC 9110, 8.8.3). */
export function revisionTag({ number, key }: Revision): string {
  return key === '' ? `"${number}"` : `"${number}-${key}"`;
}

/**
 * The revision that `If-Match` demands: undefined when the header is absent or `*` (last write wins).
 * A tag that is none of ours never matches anything (412).
 */
export function expectedRevision(header: string | undefined): ExpectedRevision | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const match = /^\s*"(\d{1,10})(?:-([\w-]{1,16}))?"\s*$/.exec(header);
  if (!match) {
    if (/^\s*(W\/)?"[^"]*"\s*$/.test(header)) {
      throw new PreconditionFailedError('If-Match names another version than the current one.');
    }
    throw new ValidationError([{ field: 'If-Match', message: 'must be an entity tag such as "12-aB3_dE5f"' }]);
  }
  return { number: Number(match[1]), key: match[2] ?? null };
}

/** True when `If-None-Match` holds the tag, so that 304 is the answer (RFC 9110, 13.1.2). */
export function noneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag);
}
