export {
  EncryptedFile,
  EncryptedFileError,
  type EncryptedFileFault,
  type EncryptedFileOptions,
} from './encrypted-file';
export { generateKey, isPlaceholderKey } from './encryption-key';
export { KeyRing, type SealContext, type SealedPlace } from './key-ring';
export { hashPassword, needsRehash, verifyPassword } from './password-hash';
export { EnvelopeFormatError, KeyFormatError, TamperedError, UnknownKeyError } from './secret-errors';
export { generateToken, hashToken, timingSafeEqualText, tokenMatches } from './token';
export * from './sealed-bytes';
