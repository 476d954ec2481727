import { parseArgs } from 'node:util';
import { loadEnvironment } from '@cortex-mqtt/environment';
import { createPostgresQueueRole, createQueueBackend, silentQueueLogger } from '@cortex-mqtt/queues';
import { OrchestratorConfig } from '../config';
import { type CommandContext, UsageError } from './command';

/** Makes the role that listeners use on a PostgreSQL queue, and prints its URL: their QUEUE_URL. */
export async function queueRoleCommand(context: CommandContext): Promise<number> {
  parseArgs({ args: context.args, options: {}, strict: true, allowPositionals: false });
  const { effectiveQueueUrl: url } = loadEnvironment(OrchestratorConfig, context.env, { onWarning: () => undefined });
  if (!/^postgres(ql)?:/.test(url)) {
    throw new UsageError(
      'the queue is on Redis: give listeners a user of their own there (ACL), see docs/operations.md',
    );
  }
  const queues = createQueueBackend({ url, logger: silentQueueLogger });
  try {
    await queues.listQueueNames();
    context.out(await createPostgresQueueRole({ url }));
    context.err('listeners that use an earlier password can open no new connection');
    return 0;
  } finally {
    await queues.close();
  }
}
