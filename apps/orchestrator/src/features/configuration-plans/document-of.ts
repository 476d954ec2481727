import { getMetadataStorage } from 'class-validator';
import type { BrokerColumns } from '../../model/broker-columns';
import { presentBroker } from '../brokers/broker.presenter';
import { BROKER_FIELD_NAMES, BROKER_SECRET_NAMES, type BrokerSecretName } from '../../model/broker-field-table';
import { presentMqttConfig } from '../mqtt-config/mqtt-config.presenter';
import { CreateSubscriptionDto } from '../subscriptions/subscription.dto';
import { DOCUMENT_VERSION } from './product-document.dto';
import { byCodePoints, type ProductSnapshot } from './product-snapshot';

type Fields = Record<string, unknown>;

/** A product document as it is printed and compared: plain values, fixed order, nothing that says no more than its default. */
export interface PlainDocument extends Fields {
  version: number;
  slug: string;
}

/** The transport says whether there is TLS. */
const BROKER_FIELDS = BROKER_FIELD_NAMES.filter((field) => field !== 'use_tls');
const SUBSCRIPTION_FIELDS = fieldsOf(CreateSubscriptionDto);

/** The document of a stored product. The same product gives the same document, on every installation. */
export function documentOf(snapshot: ProductSnapshot): PlainDocument {
  const { product, config } = snapshot;
  const { broker: _, ...sections } = presentMqttConfig(config);
  const names = new SecretNames(snapshot);
  return tidy({
    version: DOCUMENT_VERSION,
    slug: product.slug,
    name: product.name,
    description: product.description,
    enabled: product.enabled,
    replicas: product.replicas === 1 ? null : product.replicas,
    variables: sorted(product.variables),
    managed_by: product.managed_by === null ? null : { name: product.managed_by, console: product.managed_console },
    broker: brokerDocument(config, (column) => names.of(null, column)),
    brokers: snapshot.brokers.map((broker) => ({
      name: broker.name,
      ...brokerDocument(broker, (column) => names.of(broker.name, column)),
    })),
    ...Object.fromEntries(Object.entries(sections).map(([name, section]) => [name, tidy(section as Fields)])),
    secrets: Object.fromEntries(
      snapshot.secrets.map(({ name }) => [name, { secret: name }] as const).sort(([a], [b]) => byCodePoints(a, b)),
    ),
    subscriptions: snapshot.subscriptions
      .map((subscription) =>
        tidy({
          ...pick(subscription as unknown as Fields, SUBSCRIPTION_FIELDS),
          actions: subscription.actions.map(orderedAction),
        }),
      )
      .sort((a, b) => byCodePoints(String(a.name), String(b.name))),
  }) as PlainDocument;
}

function brokerDocument(broker: BrokerColumns, nameOf: (column: BrokerSecretName) => string | null): Fields {
  const fields = pick(presentBroker(broker) as unknown as Fields, ['host', ...BROKER_FIELDS]);
  for (const column of BROKER_SECRET_NAMES) {
    const name = nameOf(column);
    if (name !== null) fields[column] = { secret: name };
  }
  return tidy({ ...fields, user_properties: sorted(broker.user_properties), last_will: sorted(broker.last_will) });
}

/**
 * The names that secrets of brokers have in documents: what a document has called them, else one of their own that no product
 * secret has, so that the one is never taken for the other.
 */
export class SecretNames {
  private readonly names = new Map<string, string>();

  constructor({ config, brokers, secrets }: Pick<ProductSnapshot, 'config' | 'brokers' | 'secrets'>) {
    const all: [string | null, BrokerColumns][] = [
      [null, config],
      ...brokers.map((broker): [string, BrokerColumns] => [broker.name, broker]),
    ];
    const taken = new Set(secrets.map(({ name }) => name));
    for (const [, broker] of all) for (const name of Object.values(broker.secret_names)) taken.add(name);
    for (const [broker_name, broker] of all) {
      for (const column of BROKER_SECRET_NAMES) {
        const given = broker.secret_names[column];
        if (given === undefined && broker[column] === null) continue;
        const name = given ?? free(defaultName(broker_name, column), taken);
        taken.add(name);
        this.names.set(key(broker_name, column), name);
      }
    }
  }

  /** null when the broker has no such secret. `broker` null = the primary one. */
  of(broker: string | null, column: BrokerSecretName): string | null {
    return this.names.get(key(broker, column)) ?? null;
  }
}

const key = (broker: string | null, column: string): string => JSON.stringify([broker, column]);

/** `BROKER_PASSWORD`; of the broker "Spare (EU)" `BROKER_SPARE_EU_PASSWORD`. */
export function defaultName(broker: string | null, column: BrokerSecretName): string {
  const middle = (broker ?? '')
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 30);
  return ['BROKER', middle, column.toUpperCase()].filter((part) => part !== '').join('_');
}

function free(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let count = 2; taken.has(candidate); count += 1) candidate = `${name}_${count}`;
  return candidate;
}

/** `id`, `type`, `name` and `enabled` first, what is left in order of its names: storage keeps no order. */
function orderedAction(action: object): Fields {
  const { id, type, name, enabled, ...rest } = action as Fields;
  return { ...definedOnly({ id, type, name, enabled }), ...(sorted(rest) as Fields) };
}

function definedOnly(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Deeply in order of the keys. */
export function sorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sorted) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => byCodePoints(a, b))
      .map(([name, item]) => [name, sorted(item)]),
  ) as T;
}

/** Without what is null or empty, which is the default wherever it can be. One level: a value inside is somebody's own. */
function tidy(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => name === 'topic' || !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function pick(from: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));
}

/** The fields that a class validates, in the order of their declaration. */
export function fieldsOf(type: new () => object): string[] {
  const metadata = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  return [...new Set(metadata.map(({ propertyName }) => propertyName))];
}
