export * from './action-base';
export * from './action-definition';
export * from './action-registry';
