import { parseArgs } from 'node:util';
import { type PlainDocument, printDocuments, readDocumentFiles } from '@cortex-mqtt/configuration-files';
import { type Api, connect } from '../api';
import { type Command, CommandFault, type CommandContext, EXIT, type ExitCode } from '../command';
import { type Applied, describeApplied, describePlan, makePlan, type Plan } from '../plan';

const FILE_OPTIONS = {
  prune: { type: 'boolean' },
  manager: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const exportCommand: Command = {
  usage: 'export [--product SLUG] [--json]',
  summary: 'print products as YAML, secrets by name only',
  options: ['--product', '--json'],
  async run(context) {
    const { values, positionals } = parseArgs({
      args: context.args,
      options: { product: { type: 'string' }, json: { type: 'boolean' } },
      allowPositionals: true,
    });
    if (positionals.length > 0) throw new CommandFault(`export takes no ${positionals[0]}; use --product SLUG`);
    const query = values.product === undefined ? '' : `?product=${encodeURIComponent(values.product)}`;
    const { documents } = await connect(context.env).get<{ documents: PlainDocument[] }>(`/config/export${query}`);
    context.out(values.json ? `${JSON.stringify(documents, null, 2)}\n` : printDocuments(documents));
    return EXIT.done;
  },
};

export const validateCommand: Command = {
  usage: 'validate FILE… [--json]',
  summary: 'check files against the server, without planning anything for others to see',
  options: ['--json'],
  async run(context) {
    const { documents, values } = readArguments(context);
    const plan = await makePlan(connect(context.env), documents, { prune: false });
    if (values.json) context.out(`${JSON.stringify({ valid: true, products: plan.products.length })}\n`);
    else context.err(`${documents.length} ${documents.length === 1 ? 'document is' : 'documents are'} good`);
    return EXIT.done;
  },
};

export const planCommand: Command = {
  usage: 'plan FILE… [--prune] [--manager NAME] [--json]',
  summary: 'show what files would change; exit 2 when something would',
  options: ['--prune', '--manager', '--json'],
  async run(context) {
    const { documents, values } = readArguments(context);
    const plan = await makePlan(connect(context.env), documents, {
      prune: values.prune ?? false,
      manager: values.manager,
    });
    show(context, plan, values.json);
    return plan.has_changes ? EXIT.changes_pending : EXIT.done;
  },
};

export const applyCommand: Command = {
  usage: 'apply FILE… [--yes] [--prune] [--manager NAME] [--wait SECONDS] [--json]',
  summary: 'plan and, once agreed to, apply; wait until listeners have it',
  options: ['--yes', '--prune', '--manager', '--wait', '--json'],
  async run(context) {
    const { documents, values } = readArguments(context);
    const wait_s = Number(values.wait ?? 15);
    if (!Number.isInteger(wait_s) || wait_s < 0 || wait_s > 120)
      throw new CommandFault('--wait takes 0 to 120 seconds');
    const api = connect(context.env);
    const plan = await makePlan(api, documents, { prune: values.prune ?? false, manager: values.manager });
    if (!values.json) show(context, plan, false);
    if (!plan.has_changes) {
      if (values.json) context.out(`${JSON.stringify({ complete: true, products: [] }, null, 2)}\n`);
      return EXIT.done;
    }
    return agreeAndApply(context, api, plan, { yes: values.yes ?? false, wait_s, json: values.json ?? false });
  },
};

/** Applies a plan once a person, or `--yes`, agrees to it. */
export async function agreeAndApply(
  context: CommandContext,
  api: Api,
  plan: Plan,
  { yes, ...options }: { yes: boolean; wait_s: number; json: boolean },
): Promise<ExitCode> {
  if (!yes) {
    const answer = await context.ask('Apply this? Only "yes" applies it: ');
    if (answer === null) throw new CommandFault('nobody is there to agree: use --yes');
    if (answer.trim() !== 'yes') {
      context.err('nothing was written');
      return EXIT.failed;
    }
  }
  return applyPlan(context, api, plan, options);
}

export const driftCommand: Command = {
  usage: 'drift [FILE…] [--json]',
  summary: 'show what differs from files, or in managed products from what was applied; exit 2 when something does',
  options: ['--json'],
  async run(context) {
    const { positionals, values } = parseArgs({ args: context.args, options: FILE_OPTIONS, allowPositionals: true });
    if (positionals.length > 0) return planCommand.run(context);
    const { items: drifted } = await connect(context.env).get<{
      items: { slug: string; managed_by: string; changes: Plan['products'][0]['changes'] }[];
    }>('/config/drift');
    if (values.json) context.out(`${JSON.stringify(drifted, null, 2)}\n`);
    for (const { slug, managed_by, changes } of values.json ? [] : drifted) {
      context.out(`~ ${slug} (managed by ${managed_by})\n`);
      for (const { kind, path, from, to } of changes) {
        context.out(`  ${kind} ${path}: ${JSON.stringify(from)} → ${JSON.stringify(to)}\n`);
      }
    }
    if (!values.json && drifted.length === 0) context.out('nothing has drifted\n');
    return drifted.length === 0 ? EXIT.done : EXIT.changes_pending;
  },
};

export async function applyPlan(
  context: CommandContext,
  api: Api,
  plan: Plan,
  { wait_s, json }: { wait_s: number; json: boolean },
): Promise<ExitCode> {
  const applied = await api.send<Applied>('POST', '/config/apply', { plan_id: plan.plan_id, wait_s });
  if (json) context.out(`${JSON.stringify(applied, null, 2)}\n`);
  else for (const line of describeApplied(applied)) context.out(`${line}\n`);
  const rejected = applied.products.some(({ listeners }) => listeners === 'rejected');
  return applied.complete && !rejected ? EXIT.done : EXIT.failed;
}

function readArguments(context: CommandContext) {
  const { positionals, values } = parseArgs({
    args: context.args,
    options: { ...FILE_OPTIONS, yes: { type: 'boolean' }, wait: { type: 'string' } },
    allowPositionals: true,
  });
  // What a pipe brings is a file too.
  const paths = positionals.length > 0 ? positionals : ['-'];
  const documents = readDocumentFiles(paths, { env: context.env, stdin: () => context.stdin() });
  if (documents.length === 0)
    throw new CommandFault(`there is no document in ${paths.join(', ').replace(/^-$/, 'standard input')}`);
  return { documents, values };
}

export function show(context: CommandContext, plan: Plan, json: boolean | undefined): void {
  if (json) context.out(`${JSON.stringify(plan, null, 2)}\n`);
  else for (const line of describePlan(plan)) context.out(`${line}\n`);
}
