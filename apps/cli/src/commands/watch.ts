import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readDocumentFiles } from '@cortex-mqtt/configuration-files';
import { ApiFault, connect } from '../api';
import { type Command, type CommandContext, CommandFault, EXIT } from '../command';
import { describePlan, makePlan } from '../plan';
import { applyPlan } from './configuration';

const LOOK_EVERY_MS = 2_000;

export const watchCommand: Command = {
  usage: 'watch DIR [--prune] [--manager NAME] [--once]',
  summary: 'apply a folder of files, now and whenever they change',
  options: ['--prune', '--manager', '--once'],
  async run(context) {
    const { positionals, values } = parseArgs({
      args: context.args,
      options: { prune: { type: 'boolean' }, manager: { type: 'string' }, once: { type: 'boolean' } },
      allowPositionals: true,
    });
    const [directory, ...more] = positionals;
    if (directory === undefined || more.length > 0) throw new CommandFault('use: cortex watch DIR');
    let last = '';
    while (!context.signal.aborted) {
      try {
        const documents = readDocumentFiles([directory], { env: context.env });
        const now = createHash('sha256').update(JSON.stringify(documents)).digest('hex');
        if (now !== last) {
          await applyAll(context, documents, { prune: values.prune ?? false, manager: values.manager });
          last = now;
        }
      } catch (error) {
        // A file that is half written, or a server that is away, is looked at again.
        if (values.once || !(error instanceof Error)) throw error;
        context.err(`${new Date().toISOString()} ${error.message}`);
        if (error instanceof ApiFault && (error.status === 401 || error.status === 403)) throw error;
      }
      if (values.once) break;
      await pause(LOOK_EVERY_MS, undefined, { signal: context.signal }).catch(() => undefined);
    }
    return EXIT.done;
  },
};

async function applyAll(
  context: CommandContext,
  documents: ReturnType<typeof readDocumentFiles>,
  options: { prune: boolean; manager?: string },
): Promise<void> {
  const api = connect(context.env);
  const plan = await makePlan(api, documents, options);
  for (const line of describePlan(plan)) context.out(`${line}\n`);
  if (plan.has_changes) await applyPlan(context, api, plan, { wait_s: 15, json: false });
}
