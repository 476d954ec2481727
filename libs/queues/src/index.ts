export * from './job-types';
export * from './queue-backend';
export * from './queue-errors';
export * from './queue-logger';
export { COUNTED_STATES, DEFAULT_RETENTION, type TypedQueue } from './typed-queue';
export { PermanentJobError, type TypedWorker, type TypedWorkerOptions } from './typed-worker';
export * from './deliveries/delivery-journal';
export * from './deliveries/delivery-store';
