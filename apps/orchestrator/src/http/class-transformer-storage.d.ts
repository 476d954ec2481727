/** class-validator-jsonschema needs the storage to follow `@Type()`; the package ships no types for it. */
declare module 'class-transformer/cjs/storage' {
  export const defaultMetadataStorage: unknown;
}
