/** class-validator-jsonschema needs the storage to follow `@Type()`; the package ships no types for it. */
declare module 'class-transformer/cjs/storage' {
  import type { IOptions } from 'class-validator-jsonschema/build/options';
  export const defaultMetadataStorage: IOptions['classTransformerMetadataStorage'];
}
