import { type BrokerConnection, type FieldFault, validateShape } from '@cortex-mqtt/contracts';
import type { DataSource } from 'typeorm';
import type { BrokerColumns } from '../../model/broker-columns';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { ProductSecretEntity } from '../../model/product-secret.entity';
import { ValidationError } from '../../http/app-error';
import { brokerSettings } from '../brokers/broker.presenter';
import { applyBroker, brokerFaults, unusableFaults } from '../brokers/broker-fields';
import { furtherSecretPlace, PRIMARY_BROKER, primarySecretPlace } from '../brokers/broker-secrets';
import { BROKER_SECRET_NAMES, type BrokerSecretName } from '../../model/broker-field-table';
import { oneSessionTwice } from '../brokers/one-session-twice';
import type { BrokerDto } from '../brokers/broker-settings.dto';
import { PutMqttConfigDto } from '../mqtt-config/mqtt-config.dto';
import { presentMqttConfig } from '../mqtt-config/mqtt-config.presenter';
import { applySettings, applyTopics, probeFaults } from '../mqtt-config/mqtt-config.service';
import { checkedVariables } from '../products/product.service';
import { type SecretBox, type SecretPlace, secretPlace } from '../secrets/secret-box';
import { newSubscription } from '../subscriptions/subscription.service';
import { applySubscription } from '../subscriptions/subscription-check';
import { resolveSubscriptionTopic } from '../subscriptions/subscription-topic';
import { defaultName, fieldsOf, SecretNames } from './document-of';
import { type DocumentBrokerDto, type ProductDocumentDto, SecretReferenceDto } from './product-document.dto';
import { copyRow, freshRow, type ProductSnapshot } from './product-snapshot';

/** A product after a document; rows without an id are new. Nothing is written yet. */
export interface ChangedProduct {
  next: ProductSnapshot;
  faults: FieldFault[];
  /** Secrets whose value this installation does not have, by their names. */
  missing_secrets: string[];
  /** What is stored and not in the document: left where it is, or taken away with `prune`. */
  left_over: { kind: 'broker' | 'secret' | 'subscription'; name: string }[];
  /** Secrets that get another value, by their names. */
  new_values: string[];
}

/** A value that is sealed once the row it belongs to has an id. Never stored: the database would refuse nothing, so it must go. */
export class Unsealed {
  constructor(readonly plain: string) {}
}

/** Every section of a configuration but the broker, which has secrets. */
const SECTIONS = fieldsOf(PutMqttConfigDto).filter((name) => name !== 'broker') as Exclude<
  keyof PutMqttConfigDto,
  'broker'
>[];

export interface ChangeDeps {
  dataSource: DataSource;
  secretBox: Pick<SecretBox, 'open'>;
  prune: boolean;
  /** Path of the document within the request, such as `documents[3]`. */
  field: string;
}

/** What a document makes of a product (null = there is none yet). Pure: reads nothing and writes nothing. */
export function changeProduct(
  stored: ProductSnapshot | null,
  document: ProductDocumentDto,
  deps: ChangeDeps,
): ChangedProduct {
  return new Change(stored, document, deps).run();
}

class Change {
  private readonly faults: FieldFault[] = [];
  private readonly missing = new Set<string>();
  private readonly new_values: string[] = [];
  private readonly left_over: ChangedProduct['left_over'] = [];
  private readonly names: SecretNames | null;
  private readonly next: ProductSnapshot;

  constructor(
    private readonly stored: ProductSnapshot | null,
    private readonly document: ProductDocumentDto,
    private readonly deps: ChangeDeps,
  ) {
    this.names = stored === null ? null : new SecretNames(stored);
    this.next = {
      product: stored ? copyRow(stored.product) : freshRow(deps.dataSource, ProductEntity),
      config: stored ? copyRow(stored.config) : freshRow(deps.dataSource, MqttConfigEntity),
      brokers: (stored?.brokers ?? []).map(copyRow),
      secrets: (stored?.secrets ?? []).map(copyRow),
      subscriptions: (stored?.subscriptions ?? []).map(copyRow),
    };
  }

  run(): ChangedProduct {
    this.product();
    this.secrets();
    this.primaryBroker();
    this.furtherBrokers();
    this.sections();
    this.subscriptions();
    this.whole();
    return {
      next: this.next,
      faults: this.faults,
      missing_secrets: [...this.missing].sort(),
      left_over: this.left_over,
      new_values: this.new_values,
    };
  }

  private fault(field: string, message: string): void {
    this.faults.push({ field: `${this.deps.field}.${field}`, message });
  }

  private product(): void {
    const { document, next } = this;
    const { product } = next;
    product.slug = document.slug;
    product.name = document.name;
    product.description = document.description ?? '';
    product.enabled = document.enabled ?? true;
    product.replicas = document.replicas ?? 1;
    try {
      product.variables = checkedVariables(document.variables ?? {});
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      for (const { field, message } of error.errors) this.fault(field, message);
    }
    if (document.managed_by === undefined) return;
    product.managed_by = document.managed_by?.name ?? null;
    product.managed_console = document.managed_by?.console ?? 'drift';
  }

  private secrets(): void {
    const { document, next, deps } = this;
    if (document.secrets === undefined) return;
    const kept: ProductSecretEntity[] = [];
    for (const [name, reference] of Object.entries(document.secrets)) {
      const field = `secrets.${name}`;
      const checked = validateShape(SecretReferenceDto, reference);
      const named = validateShape(SecretReferenceDto, { secret: name });
      if (!named.ok) this.fault(field, named.faults[0]?.message ?? 'is no name of a secret');
      if (!checked.ok) {
        for (const { field: inner, message } of checked.faults) this.fault(`${field}.${inner}`, message);
        continue;
      }
      if (checked.value.secret !== undefined && checked.value.secret !== name) {
        this.fault(`${field}.secret`, `must be ${name}: a secret of the product has one name`);
      }
      const row =
        next.secrets.find((secret) => secret.name === name) ??
        Object.assign(freshRow(deps.dataSource, ProductSecretEntity), { name });
      const value = checked.value.value;
      if (value !== undefined && value !== this.plain(row.value, secretPlace(row.product_id, name))) {
        this.new_values.push(name);
        row.value = new Unsealed(value) as never;
      }
      if (row.value === null) this.missing.add(name);
      kept.push(row);
    }
    this.next.secrets = this.keepOrPrune('secret', next.secrets, kept);
  }

  private primaryBroker(): void {
    const { document, next, stored } = this;
    if (document.broker === undefined) return;
    this.applyBroker(next.config, document.broker, {
      name: null,
      stored: stored?.config ?? null,
      field: 'broker',
      placeOf: (column) => primarySecretPlace(next.config.product_id, column),
    });
    if (document.broker.host == null) next.config.broker_host = null;
  }

  private furtherBrokers(): void {
    const { document, next, stored, deps } = this;
    if (document.brokers === undefined) return;
    const moved = this.movesOf('broker');
    const kept: MqttBrokerEntity[] = [];
    for (const [index, wanted] of document.brokers.entries()) {
      const field = `brokers[${index}]`;
      if (kept.some(({ name }) => name === wanted.name)) this.fault(`${field}.name`, 'is there twice');
      if (wanted.host == null) this.fault(`${field}.host`, 'is needed');
      const broker = found(next.brokers, wanted.name, moved) ?? freshRow(deps.dataSource, MqttBrokerEntity);
      const before = stored?.brokers.find(({ id }) => id === broker.id) ?? null;
      this.applyBroker(broker, wanted, {
        name: wanted.name,
        stored: before,
        stored_name: before?.name,
        field,
        placeOf: (column) => furtherSecretPlace(broker, column),
      });
      broker.name = wanted.name;
      kept.push(broker);
    }
    next.brokers = this.keepOrPrune('broker', next.brokers, kept);
    // Those of the document first and in its order; rows keep their places where that is the order already.
    const positions = next.brokers.map(({ position }) => position);
    const in_order = positions.every((position, index) => position > (positions[index - 1] ?? Number.MIN_SAFE_INTEGER));
    if (!in_order) for (const [index, broker] of next.brokers.entries()) broker.position = index + 1;
  }

  private applyBroker(
    broker: BrokerColumns,
    document: DocumentBrokerDto,
    about: {
      /** null = the primary one. */
      name: string | null;
      stored: BrokerColumns | null;
      stored_name?: string;
      field: string;
      placeOf(column: BrokerSecretName): SecretPlace;
    },
  ): void {
    const { password, proxy_password, client_key, client_key_passphrase, host, ...fields } = document;
    const references = { password, proxy_password, client_key, client_key_passphrase };
    const dto: BrokerDto = { ...this.brokerDefaults(fields), ...(host == null ? {} : { host }) };
    const secret_names: BrokerColumns['secret_names'] = {};
    for (const column of BROKER_SECRET_NAMES) {
      const reference = references[column];
      if (reference == null) {
        dto[column] = null;
        continue;
      }
      const stored_name = this.names?.of(about.stored_name ?? about.name, column) ?? null;
      const name = reference.secret ?? stored_name ?? defaultName(about.name, column);
      secret_names[column] = name;
      const envelope = about.stored?.[column] ?? null;
      const current = envelope === null ? null : this.plain(envelope, about.placeOf(column));
      const wanted = reference.value ?? this.secretValue(name);
      if (wanted !== null) {
        if (wanted !== current) this.new_values.push(name);
        // Given again even when it is the same: it may go to another host then.
        dto[column] = wanted;
      } else if (envelope === null || (stored_name !== null && stored_name !== name)) {
        dto[column] = null;
        this.missing.add(name);
      }
    }
    for (const fault of brokerFaults(dto, about.stored, '')) {
      const column = fault.field as BrokerSecretName;
      this.fault(
        `${about.field}.${fault.field}`,
        BROKER_SECRET_NAMES.includes(column) && dto[column] === undefined
          ? `needs its value again (CORTEX_SECRET_${secret_names[column]}): a stored secret is never sent to another host or through another proxy`
          : fault.message,
      );
    }
    applyBroker(broker, dto, (plain, column) => {
      const envelope = about.stored?.[column] ?? null;
      const is_same = envelope !== null && this.plain(envelope, about.placeOf(column)) === plain;
      return is_same ? envelope : (new Unsealed(plain) as never);
    });
    broker.secret_names = secret_names;
    for (const { field, message } of unusableFaults(dto, () => this.usable(broker, about), '')) {
      this.fault(`${about.field}.${field}`, message);
    }
  }

  /** The broker as a listener would connect to it. A client key that has yet to be given is no fault of the document. */
  private usable(
    broker: BrokerColumns,
    { name, placeOf }: { name: string | null; placeOf(column: BrokerSecretName): SecretPlace },
  ): BrokerConnection {
    const secrets = Object.fromEntries(
      BROKER_SECRET_NAMES.map((column) => [column, this.plain(broker[column], placeOf(column))]),
    ) as Record<BrokerSecretName, string | null>;
    const waits = (column: BrokerSecretName) => broker.secret_names[column] !== undefined && secrets[column] === null;
    const pair = waits('client_key') || waits('client_key_passphrase') ? { client_cert: null, client_key: null } : {};
    const { use_tls: _, ...settings } = brokerSettings(broker);
    return { ...settings, ...secrets, ...pair, name: name ?? PRIMARY_BROKER, host: broker.broker_host ?? 'localhost' };
  }

  /** The fields of a document over the defaults; `use_tls` is another way to say the transport. */
  private brokerDefaults(fields: Omit<DocumentBrokerDto, 'host' | BrokerSecretName>): BrokerDto {
    const { use_tls: _, ...defaults } = brokerSettings(freshRow(this.deps.dataSource, MqttConfigEntity));
    const { use_tls, transport, ...given } = fields;
    const encrypted = use_tls === true ? 'tls' : 'tcp';
    return { ...defaults, ...definedOnly(given), transport: transport ?? encrypted, use_tls: transport && use_tls };
  }

  private sections(): void {
    const { document, next, deps } = this;
    const defaults = presentMqttConfig(freshRow(deps.dataSource, MqttConfigEntity)) as unknown as Record<
      string,
      object
    >;
    const settings: PutMqttConfigDto = {};
    for (const section of SECTIONS) {
      if (document[section] === undefined) continue;
      Object.assign(settings, { [section]: { ...defaults[section], ...definedOnly(document[section]) } });
    }
    applyTopics(next.config, settings.topics ?? {});
    applySettings(next.config, settings);
    for (const { field, message } of probeFaults(settings)) this.fault(field, message);
  }

  private subscriptions(): void {
    const { document, next, deps } = this;
    const { product, config } = next;
    const secretNames = new Set(next.secrets.map(({ name }) => name));
    if (document.subscriptions !== undefined) {
      const moved = this.movesOf('subscription');
      const {
        mqtt_config_id: _,
        messages_received: _received,
        actions_executed: _executed,
        actions_failed: _failed,
        ...subscription_defaults
      } = newSubscription(deps.dataSource.manager, config.id);
      const kept: typeof next.subscriptions = [];
      for (const [index, wanted] of document.subscriptions.entries()) {
        const field = `subscriptions[${index}]`;
        if (kept.some(({ name }) => name === wanted.name)) this.fault(`${field}.name`, 'is there twice');
        const row =
          found(next.subscriptions, wanted.name, moved) ?? newSubscription(deps.dataSource.manager, config.id);
        const dto = { ...subscription_defaults, ...definedOnly(wanted) };
        for (const fault of applySubscription(row, dto, { product, config, secretNames })) {
          this.fault(`${field}.${fault.field}`, fault.message);
        }
        kept.push(row);
      }
      next.subscriptions = this.keepOrPrune('subscription', next.subscriptions, kept);
    }
    // Those that the document leaves alone must still resolve under what it says about topics and variables.
    const written = new Set(document.subscriptions?.map(({ name }) => name));
    for (const subscription of next.subscriptions) {
      if (written.has(subscription.name)) continue;
      const resolved = resolveSubscriptionTopic(product, config, subscription);
      if (resolved.ok) continue;
      for (const { field, message } of resolved.faults) {
        this.fault(
          field === 'topic' ? 'variables' : `topics.${field}`,
          `breaks subscription "${subscription.name}": ${message}`,
        );
      }
    }
  }

  private whole(): void {
    const { product, config, brokers } = this.next;
    const bare = resolveSubscriptionTopic(product, config, { topic: 'x', absolute_topic: false });
    if (!bare.ok) for (const { field, message } of bare.faults) this.fault(`topics.${field}`, message);
    if (config.subscribe_on !== 'all') return;
    const fault = oneSessionTwice([{ ...config, name: PRIMARY_BROKER }, ...brokers]);
    if (fault !== null) this.fault('failover.subscribe_on', fault);
  }

  /** The rows of the document, and those beside it unless they are to be pruned. */
  private keepOrPrune<T extends { name: string }>(
    kind: ChangedProduct['left_over'][number]['kind'],
    rows: readonly T[],
    kept: readonly T[],
  ): T[] {
    const others = rows.filter((row) => !kept.includes(row));
    for (const { name } of others) this.left_over.push({ kind, name });
    return this.deps.prune ? [...kept] : [...kept, ...others];
  }

  private movesOf(kind: 'broker' | 'subscription'): Map<string, string> {
    const moves = this.document.moved?.filter((move) => move.kind === kind) ?? [];
    return new Map(moves.map(({ from, to }) => [to, from]));
  }

  /** The value of a product secret as it is after the change; null = there is none. */
  private secretValue(name: string): string | null {
    const row = this.next.secrets.find((secret) => secret.name === name);
    return row === undefined ? null : this.plain(row.value, secretPlace(row.product_id, name));
  }

  private plain(value: string | Unsealed | null, place: SecretPlace): string | null {
    if (value === null) return null;
    return value instanceof Unsealed ? value.plain : this.deps.secretBox.open(value, place);
  }
}

/** The row of this name, or the one that had the name it was moved from. */
function found<T extends { name: string }>(
  rows: readonly T[],
  name: string,
  moved: Map<string, string>,
): T | undefined {
  const from = moved.get(name);
  return (
    rows.find((row) => row.name === name) ?? (from === undefined ? undefined : rows.find((row) => row.name === from))
  );
}

function definedOnly<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
