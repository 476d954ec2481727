import type { LogAction } from './log/log-action';
import type { PostgresAction } from './postgres/postgres-action';
import type { PublishAction } from './publish/publish-action';
import type { QueueAction } from './queue/queue-action';
import type { WebhookAction } from './webhook/webhook-action';

/** One action of a subscription, discriminated by `type`. */
export type AnyAction = WebhookAction | PublishAction | QueueAction | PostgresAction | LogAction;
export type ActionType = AnyAction['type'];
