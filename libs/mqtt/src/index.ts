export * from './topic-filter';
export * from './topic-index';
export * from './topic-template';
