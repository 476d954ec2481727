import { readFileSync } from 'node:fs';
import { parseArgs, parseEnv } from 'node:util';
import { ImportEnvironment, type PlainDocument, toRequest } from '@cortex-mqtt/configuration-files';
import { EnvironmentError, loadEnvironment } from '@cortex-mqtt/environment';
import { type Api, ApiFault, connect } from '../api';
import { type Command, type CommandContext, CommandFault, EXIT } from '../command';
import { makePlan } from '../plan';
import { agreeAndApply, show } from './configuration';

const USAGE = 'import-env FILE --product SLUG [--create NAME] [--dry-run] [--yes]';
const SECRETS = ['password', 'client_key', 'client_key_passphrase'];

type Fields = Record<string, unknown>;

export const importEnvCommand: Command = {
  usage: USAGE,
  summary:
    'take broker and topics of a product over from a .env file (MQTT_HOST, …); exit 2 with --dry-run and changes',
  options: ['--product', '--create', '--dry-run', '--yes'],
  async run(context) {
    const { positionals, values } = parseArgs({
      args: context.args,
      options: {
        product: { type: 'string' },
        create: { type: 'string' },
        'dry-run': { type: 'boolean' },
        yes: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0 || values.product === undefined) {
      throw new CommandFault(`use: cortex ${USAGE}`);
    }
    const { broker, topics } = toRequest(readImport(file, context));
    const api = connect(context.env);
    const stored = await documentOf(api, values.product, values.create);
    const document = {
      ...stored,
      broker: merged(stored.broker as Fields | undefined, broker),
      topics: { ...(stored.topics as Fields | undefined), ...topics },
    };
    const plan = await makePlan(api, [document], { prune: false });
    show(context, plan, false);
    if (!plan.has_changes) return EXIT.done;
    if (values['dry-run']) return EXIT.changes_pending;
    return agreeAndApply(context, api, plan, { yes: values.yes ?? false, wait_s: 15, json: false });
  },
};

function readImport(file: string, context: CommandContext): Readonly<ImportEnvironment> {
  let text: string;
  try {
    text = file === '-' ? context.stdin() : readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandFault(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    return loadEnvironment(ImportEnvironment, parseEnv(text) as Record<string, string>, {
      onWarning: ({ variable, message }) => context.err(`warning: ${variable} ${message}`),
    });
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    throw new CommandFault(error.message);
  }
}

async function documentOf(api: Api, slug: string, name: string | undefined): Promise<PlainDocument> {
  try {
    const path = `/config/export?product=${encodeURIComponent(slug)}`;
    const { documents } = await api.get<{ documents: PlainDocument[] }>(path);
    if (documents[0] !== undefined) return documents[0];
  } catch (error) {
    if (!(error instanceof ApiFault) || error.status !== 404) throw error;
  }
  if (name === undefined) throw new CommandFault(`there is no product "${slug}"; --create NAME makes it`);
  return { version: 1, slug, name };
}

/** The broker of a document with what an environment says; the transport says whether there is TLS. */
function merged(stored: Fields = {}, { use_tls, ...given }: Fields): Fields {
  const broker: Fields = { ...stored, ...given };
  for (const name of SECRETS) {
    if (given[name] === undefined) continue;
    broker[name] = { ...(stored[name] as Fields | undefined), value: given[name] };
  }
  if (use_tls === undefined) return broker;
  const is_websocket = String(stored.transport ?? 'tcp').startsWith('ws');
  broker.transport = is_websocket ? (use_tls ? 'wss' : 'ws') : use_tls ? 'tls' : 'tcp';
  return broker;
}
