import { FileFault, type PlainDocument } from './document-file';

/** Where the values of secrets come from: the machine that reads the files. */
export interface SecretSources {
  env: Readonly<Record<string, string | undefined>>;
  readFile(path: string): string;
}

const BROKER_SECRETS = ['password', 'proxy_password', 'client_key', 'client_key_passphrase'];

/**
 * Puts values where a document names them: `{env: X}`, `{file: path}`, and `{secret: NAME}` when the environment has
 * `CORTEX_SECRET_<SLUG>__<NAME>` or `CORTEX_SECRET_<NAME>`. Throws FileFault for a secret in plain text, and for a source that is not
 * there.
 */
export function resolveSecrets(document: PlainDocument, sources: SecretSources): PlainDocument {
  const slug = String(document.slug ?? '');
  const resolved: PlainDocument = { ...document };
  const resolve = (reference: unknown, place: string): unknown => resolveOne(reference, { slug, place, sources });
  if (isFields(document.broker)) resolved.broker = resolveBroker(document.broker, 'broker', resolve);
  if (Array.isArray(document.brokers)) {
    resolved.brokers = document.brokers.map((broker: unknown, index) =>
      isFields(broker) ? resolveBroker(broker, `brokers[${index}]`, resolve) : broker,
    );
  }
  if (isFields(document.secrets)) {
    resolved.secrets = Object.fromEntries(
      Object.entries(document.secrets).map(([name, reference]) => [
        name,
        // A secret of the product is found under its own name whatever stands there.
        resolve(
          isFields(reference) && Object.keys(reference).length === 0 ? { secret: name } : reference,
          `secrets.${name}`,
        ),
      ]),
    );
  }
  return resolved;
}

function resolveBroker(
  broker: PlainDocument,
  place: string,
  resolve: (reference: unknown, place: string) => unknown,
): PlainDocument {
  const given = BROKER_SECRETS.filter((field) => broker[field] !== undefined && broker[field] !== null);
  return {
    ...broker,
    ...Object.fromEntries(given.map((field) => [field, resolve(broker[field], `${place}.${field}`)])),
  };
}

function resolveOne(
  reference: unknown,
  { slug, place, sources }: { slug: string; place: string; sources: SecretSources },
): PlainDocument {
  const fault = (message: string) => new FileFault(`${slug}: ${place} ${message}`);
  if (!isFields(reference))
    throw fault('must be {secret: NAME}, {env: VARIABLE} or {file: PATH}, never the secret itself');
  const [kind, ...others] = Object.keys(reference);
  const name = kind === undefined ? undefined : reference[kind];
  if (others.length > 0 || typeof name !== 'string' || name === '') {
    throw fault('must be one of {secret: NAME}, {env: VARIABLE} and {file: PATH}');
  }
  switch (kind) {
    case 'secret': {
      const own = slug.toUpperCase().replaceAll('-', '_');
      const value = sources.env[`CORTEX_SECRET_${own}__${name}`] ?? sources.env[`CORTEX_SECRET_${name}`];
      return value === undefined || value === '' ? { secret: name } : { secret: name, value };
    }
    case 'env': {
      const value = sources.env[name];
      if (value === undefined || value === '') throw fault(`needs the environment variable ${name}`);
      return { value };
    }
    case 'file':
      try {
        return { value: sources.readFile(name).replace(/\r?\n$/, '') };
      } catch (error) {
        throw fault(`needs the file ${name} (${(error as NodeJS.ErrnoException).code})`);
      }
    default:
      throw fault(`has {${kind}: …}, which is none of secret, env and file`);
  }
}

const isFields = (value: unknown): value is PlainDocument =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
