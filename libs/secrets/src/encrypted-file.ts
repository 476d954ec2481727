import { hkdfSync, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decrypt, encrypt, formatEnvelope, parseEnvelope } from './envelope';

export interface EncryptedFileOptions {
  path: string;
  /** Secret of high entropy from which the key is derived, e.g. the listener token. */
  secret: string;
  /** What the file is for: a file of another purpose does not open, even with the same secret. */
  purpose: string;
}

/** What kept an encrypted file from being read or written. */
export type EncryptedFileFault = 'no_space' | 'not_permitted' | 'not_openable' | 'io';

export class EncryptedFileError extends Error {
  override readonly name = 'EncryptedFileError';

  constructor(
    readonly fault: EncryptedFileFault,
    message: string,
    options?: { cause: unknown },
  ) {
    super(message, options);
  }
}

/**
 * A text on disk that only the holder of `secret` can read or change: AES-256-GCM, key by HKDF-SHA-256 (RFC 5869) with a salt of
 * its own per write, mode 0600. A write is all or nothing, also through a crash or a full disk. A changed `secret` makes an
 * old file `not_openable`.
 */
export class EncryptedFile {
  readonly #options: EncryptedFileOptions;
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(options: EncryptedFileOptions) {
    this.#options = options;
  }

  /** null when there is no file. @throws {EncryptedFileError} */
  async read(): Promise<string | null> {
    const { path, purpose } = this.#options;
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw fileError(error, `${path} cannot be read`);
    }
    try {
      const { name: salt, sealed } = parseEnvelope(text.trim());
      return decrypt(sealed, { key: this.#key(salt), aad: purpose });
    } catch (error) {
      throw new EncryptedFileError('not_openable', `${path} was written with another secret, or is damaged`, {
        cause: error,
      });
    }
  }

  /** Resolves when the text is on the disk; writes follow one another. @throws {EncryptedFileError} */
  write(text: string): Promise<void> {
    return this.#next(() => this.#replace(text));
  }

  /** Removes it, if it is there. @throws {EncryptedFileError} */
  remove(): Promise<void> {
    const { path } = this.#options;
    return this.#next(async () => {
      try {
        await rm(path, { force: true });
      } catch (error) {
        throw fileError(error, `${path} cannot be removed`);
      }
    });
  }

  /** One after another: two writes at once would share the temporary file. */
  #next(work: () => Promise<void>): Promise<void> {
    const result = this.#lastWrite.then(work);
    this.#lastWrite = result.catch(() => undefined); // its caller gets the error; the next write is not to blame
    return result;
  }

  async #replace(text: string): Promise<void> {
    const { path, purpose } = this.#options;
    const salt = randomBytes(16).toString('base64url');
    const envelope = formatEnvelope(salt, encrypt(text, { key: this.#key(salt), aad: purpose }));
    const temporary = `${path}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await rm(temporary, { force: true }); // left by a crash, perhaps with other permissions
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(envelope);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one that tells
      throw fileError(error, `${path} cannot be written`);
    }
  }

  #key(salt: string): Buffer {
    const { secret } = this.#options;
    return Buffer.from(hkdfSync('sha256', secret, Buffer.from(salt, 'base64url'), 'cortex-mqtt encrypted file', 32));
  }
}

/** Without it the rename itself may be lost at a power failure. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function fileError(error: unknown, message: string): EncryptedFileError {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new EncryptedFileError('no_space', `${message}: no space left on its disk`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new EncryptedFileError('not_permitted', `${message}: not permitted (${code})`, { cause: error });
    default:
      return new EncryptedFileError('io', `${message} (${code ?? 'unknown error'})`, { cause: error });
  }
}
