import { texts } from '../texts';
import { ApiError } from './problem';

/** Somebody else changed, meanwhile, what a write is about. Nothing was written. */
export class ChangedMeanwhileError extends Error {
  constructor() {
    super(texts.common.changedMeanwhile);
    this.name = 'ChangedMeanwhileError';
  }
}

/** What was read, with the tag of the version it was read at. */
export interface Versioned<T> {
  value: T;
  etag: string | null;
}

/**
 * Writes upon the version that was seen (`If-Match`). The tag is the product's, so that any change of it makes the server
 * answer 412: the newest version is read then, and when what the write is about is the same as before, it is written upon
 * that one.
 *
 * @throws ChangedMeanwhileError when it is not the same, or keeps changing.
 */
export async function writeUnlessChanged<T, R>({
  seen,
  readNewest,
  isSame,
  write,
}: {
  seen: Versioned<T>;
  readNewest: () => Promise<Versioned<T>>;
  isSame: (seen: T, newest: T) => boolean;
  write: (etag: string | null) => Promise<R>;
}): Promise<R> {
  try {
    return await write(seen.etag);
  } catch (error) {
    if (!isOutdated(error)) throw error;
  }
  const newest = await readNewest();
  if (!isSame(seen.value, newest.value)) throw new ChangedMeanwhileError();
  try {
    return await write(newest.etag);
  } catch (error) {
    throw isOutdated(error) ? new ChangedMeanwhileError() : error;
  }
}

const isOutdated = (error: unknown): boolean => error instanceof ApiError && error.status === 412;
