export * from './action-base';
export * from './action-definition';
export * from './action-fault';
export * from './action-registry';
export * from './action-runner';
export * from './action-runtime';
export * from './action-schemas';
export type {
  ActionOutcome,
  ActionType as ActionTypeEntry,
  CheckContext,
  ExecuteOptions,
  PrepareContext,
} from './action-type';
export type { AttemptContext } from './attempt-context';
export type { BatchMethod, ItemOutcome } from './batch/batch-method';
export { BATCH_FORMATS, batchOf, DEFAULT_BATCH } from './batch/batch-settings';
export { type BatchedOutcome, Batcher } from './batch/batcher';
export { OpenBatches } from './batch/open-batches';
export * from './breakers';
export { credentialsIn } from './credential-literals';
export * from './delivery-id';
export * from './dry-run';
export type { ActionLog } from './log/action-log';
export { createPostgresSender, type PostgresSender } from './postgres/postgres-sender';
export { createMqttPublisher } from './publish/mqtt-publisher';
export { HOPS_PROPERTY, MAX_HOPS } from './publish/hops';
export { publishedTopics, type Sibling } from './publish/publish-cycle';
export { HopMemory } from './publish/hop-memory';
export { type BrokerLimits, limitsOf, NO_LIMITS, type PublishLimits } from './publish/publish-limits';
export { withTimeLimit } from './publish/publish-time-limit';
export type { Publisher, PublishOptions, PublishRequest } from './publish/publisher';
export type { JobQueues, JobRequest } from './queue/job-queues';
export { createQueueAdder } from './queue/queue-adder';
export * from './retry-policy';
export * from './secret-references';
export { createHttpSender, type HttpSender } from './webhook/http/http-sender';
export { callWebhook } from './webhook/webhook.action';
export { requestHead } from './webhook/http/request-head';
export { parseRetryAfter } from './webhook/retry-after';
export { signingKey, standardWebhookLines } from './webhook/standard-webhooks';
export type { EgressGuard } from './webhook/http/open-socket';
export { isAllowedQueue, queuesOf } from './queue/allowed-queues';
