import type { Logger } from '@cortex-mqtt/observability';
import { createPostgresQueueRole, type QueueBackend } from '@cortex-mqtt/queues';

/**
 * The queue's URL for listeners that this process runs. On PostgreSQL it is that of a role which sees the queues alone: the
 * orchestrator's own opens users, secrets and the audit log. Made when the first listener needs it; where our role may make
 * no roles, listeners get ours, and the log says so.
 */
export function listenerQueueUrl(deps: {
  url: string;
  /** Of `LISTENER_QUEUE_URL`: handed out as it is. */
  given: string | undefined;
  /** The role's, the same at every start: listeners that outlive an orchestrator can go on. */
  password: string;
  queues: QueueBackend;
  logger: Logger;
}): () => Promise<string> {
  const { url, given, password, queues, logger } = deps;
  if (given !== undefined) return async () => given;
  if (!/^postgres(ql)?:/.test(url)) return async () => url;
  let made: Promise<string> | null = null;
  const make = async (): Promise<string> => {
    // Its schema has to be there first.
    await queues.listQueueNames();
    try {
      return await createPostgresQueueRole({ url, password });
    } catch (error) {
      // insufficient_privilege
      if ((error as { code?: unknown }).code !== '42501') throw error;
      logger.warn('listeners use the orchestrator’s database role: it may not create one that sees only the queues', {
        error,
        advice: 'give it CREATEROLE, or run the listeners by themselves with a URL from the command queue-role',
      });
      return url;
    }
  };
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}
