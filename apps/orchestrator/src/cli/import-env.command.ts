import { BROKER_SECRET_NAMES, type BrokerSecretName } from '../model/broker-field-table';
import { readFileSync } from 'node:fs';
import { parseArgs, parseEnv } from 'node:util';
import { ImportEnvironment, toRequest, VARIABLE_OF_FIELD } from '@cortex-mqtt/configuration-files';
import { validateShape } from '@cortex-mqtt/contracts';
import { loadEnvironment } from '@cortex-mqtt/environment';
import type { DataSource } from 'typeorm';
import { systemActor } from '../features/audit/audit-trail';
import { primarySecretPlace } from '../features/brokers/broker-secrets';
import { PutMqttConfigDto } from '../features/mqtt-config/mqtt-config.dto';
import { MqttConfigEntity } from '../model/mqtt-config.entity';
import { ProductEntity } from '../model/product.entity';
import type { SecretBox } from '../features/secrets/secret-box';
import { ConflictError, ValidationError } from '../http/app-error';
import { type CommandContext, UsageError } from './command';
import { withFeatures } from './with-features';

const USAGE = 'use: import-env FILE --product SLUG [--create NAME] [--dry-run]';
const SECRETS = new Set<string>(BROKER_SECRET_NAMES);

type Fields = Record<string, unknown>;

/** Takes a product's broker and topics over from a `.env` file; what is the same already is not written again. */
export async function importEnvCommand(context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: context.args,
    options: { product: { type: 'string' }, create: { type: 'string' }, 'dry-run': { type: 'boolean' } },
    allowPositionals: true,
  });
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0 || values.product === undefined) throw new UsageError(USAGE);
  const slug = values.product;
  const request = toRequest(readImport(file, context));
  const is_dry = values['dry-run'] === true;
  return withFeatures(context, { rolls_back: is_dry }, async ({ dataSource, secretBox, features }) => {
    const actor = systemActor('import-env');
    let product = await dataSource.getRepository(ProductEntity).findOneBy({ slug });
    if (product === null && values.create === undefined) {
      context.err(`there is no product "${slug}"; --create NAME makes it`);
      return 1;
    }
    const current = product ? await currentFields(dataSource, secretBox, product.id) : null;
    const changes = {
      broker: changed(request.broker, current?.broker),
      topics: changed(request.topics, current?.topics),
    };
    // A password that is stored already must be said again when the host changes: the API would refuse otherwise.
    if ('host' in changes.broker && 'password' in request.broker) changes.broker.password = request.broker.password;
    const lines = describe(changes, current);
    for (const line of lines) context.out(line);
    try {
      if (product === null) {
        const made = await features.products.create({ name: values.create ?? slug, slug }, actor);
        product = await dataSource.getRepository(ProductEntity).findOneByOrFail({ id: made.value.id });
        if (!is_dry) context.out(`product ${product.id} "${product.name}" created`);
      }
      if (lines.length === 0) {
        context.out(is_dry ? 'nothing would change' : 'nothing to change');
        return 0;
      }
      const dto = validateShape(PutMqttConfigDto, changes);
      if (!dto.ok) throw new ValidationError(dto.faults);
      const { revision } = await features.mqttConfigs.put(product.id, dto.value, {
        actor,
        expected_revision: undefined,
      });
      context.out(is_dry ? 'dry run: nothing was written' : `written as revision ${revision.number}`);
      return 0;
    } catch (error) {
      if (!(error instanceof ValidationError || error instanceof ConflictError)) throw error;
      for (const { field, message } of error.errors) context.err(`${VARIABLE_OF_FIELD[field] ?? field}: ${message}`);
      return 2;
    }
  });
}

function readImport(file: string, context: CommandContext): Readonly<ImportEnvironment> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  refuseUnreadable(file, text);
  return loadEnvironment(ImportEnvironment, parseEnv(text) as Record<string, string>, {
    onWarning: ({ variable, message }) => context.err(`warning: ${variable} ${message}`),
  });
}

/** What would be taken for less than it says: no text, nothing to import, or a value that ends at a `#`. */
function refuseUnreadable(file: string, text: string): void {
  if (text.includes('\0') || text.includes('\ufffd')) throw new UsageError(`${file} is not a text file`);
  if (!/^\s*(export\s+)?MQTT_\w+\s*=/m.test(text)) {
    throw new UsageError(`${file} sets no variable that begins with MQTT_: there is nothing to import`);
  }
  const cut = text.split('\n').flatMap((line, index) => {
    const [, name] = /^\s*(?:export\s+)?(MQTT_\w+)\s*=\s*(?:#|[^\s'"`#][^'"`#]*[^\s'"`#]#|[^\s'"`#]#)/.exec(line) ?? [];
    return name === undefined ? [] : [`line ${index + 1}: ${name} has an unquoted #, which begins a comment`];
  });
  if (cut.length > 0) throw new UsageError(`${file}: ${cut.join('; ')}. Quote the value: NAME="…#"`);
}

/** What is stored, under the names of the API, secrets open for comparison. */
async function currentFields(
  dataSource: DataSource,
  secretBox: SecretBox,
  product_id: number,
): Promise<{ broker: Fields; topics: Fields }> {
  const config = await dataSource.getRepository(MqttConfigEntity).findOneByOrFail({ product_id });
  const open = (column: BrokerSecretName) => {
    const envelope = config[column];
    return envelope === null ? null : secretBox.open(envelope, primarySecretPlace(product_id, column));
  };
  return {
    broker: {
      host: config.broker_host,
      port: config.broker_port,
      use_tls: config.use_tls,
      verify_cert: config.verify_cert,
      ca_cert: config.ca_cert,
      client_cert: config.client_cert,
      client_key: open('client_key'),
      client_key_passphrase: open('client_key_passphrase'),
      username: config.username,
      password: open('password'),
      client_id: config.client_id,
      keep_alive: config.keep_alive,
      clean_session: config.clean_session,
    },
    topics: {
      prefix: config.topic_prefix,
      pattern: config.topic_pattern,
      use_shared: config.use_shared_subscriptions,
      shared_group: config.shared_group,
      qos: config.qos,
    },
  };
}

function changed(wanted: Fields, current: Fields | undefined): Fields {
  return Object.fromEntries(Object.entries(wanted).filter(([field, value]) => current?.[field] !== value));
}

function describe(
  changes: { broker: Fields; topics: Fields },
  current: { broker: Fields; topics: Fields } | null,
): string[] {
  return (['broker', 'topics'] as const).flatMap((section) =>
    Object.entries(changes[section]).map(([field, value]) => {
      const shown = (v: unknown) => (SECRETS.has(field) && v != null ? '(secret)' : JSON.stringify(v ?? null));
      return `${section}.${field}: ${shown(current?.[section][field])} → ${shown(value)}`;
    }),
  );
}
