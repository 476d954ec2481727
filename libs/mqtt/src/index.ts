export * from './client-options';
export * from './egress-policy';
export * from './topic-filter';
export * from './topic-index';
export * from './topic-template';
export * from './transport';
