export { FileFault, parseDocuments, printDocuments, type PlainDocument } from './document-file';
export { ImportEnvironment, toRequest, VARIABLE_OF_FIELD } from './import-environment';
export { readDocumentFiles } from './read-files';
export { resolveSecrets, type SecretSources } from './resolve-secrets';
