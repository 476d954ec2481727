import { PreconditionFailedError, ValidationError } from './app-error';

/** A strong entity tag of a revision (RFC 9110, 8.8.3). */
export function revisionTag(revision: number): string {
  return `"${revision}"`;
}

/**
 * The revision that `If-Match` demands: undefined when the header is absent or `*` (last write wins).
 * A tag that is none of ours never matches anything (412).
 */
export function expectedRevision(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const match = /^\s*"(\d{1,10})"\s*$/.exec(header);
  if (!match) {
    if (/^\s*(W\/)?"[^"]*"\s*$/.test(header)) {
      throw new PreconditionFailedError('If-Match names another version than the current one.');
    }
    throw new ValidationError([{ field: 'If-Match', message: 'must be an entity tag such as "12"' }]);
  }
  return Number(match[1]);
}

/** True when `If-None-Match` holds the tag, so that 304 is the answer (RFC 9110, 13.1.2). */
export function noneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag);
}
