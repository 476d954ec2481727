export { FileFault, parseDocuments, printDocuments, type PlainDocument } from './document-file';
export { readDocumentFiles } from './read-files';
export { resolveSecrets, type SecretSources } from './resolve-secrets';
