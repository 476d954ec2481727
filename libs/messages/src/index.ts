export * from './byte-reader';
export * from './outcome';
export * from './record-id';
export * from './segment';
export * from './segment-codec';
