import { randomBytes } from 'node:crypto';
import type { Revision } from '../http/etag';

/** A value, with the revision of the product's configuration that it is part of. */
export interface Versioned<T> {
  value: T;
  revision: Revision;
}

export const newRevisionKey = (): string => randomBytes(6).toString('base64url');

export const revisionOf = (config: { revision: number; revision_key: string }): Revision => ({
  number: config.revision,
  key: config.revision_key,
});
