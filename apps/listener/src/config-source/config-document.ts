import { validateActions } from '@cortex-mqtt/actions';
import {
  type BrokerConnection,
  type FieldFault,
  type ListenerConfigDocument,
  type ListenerSubscription,
  PAYLOAD_FORMATS,
  SUBSCRIBE_ON,
  TRANSPORTS,
} from '@cortex-mqtt/contracts';

export type CheckedDocument = { ok: true; document: ListenerConfigDocument } | { ok: false; faults: FieldFault[] };

/**
 * Checks a configuration document from outside (orchestrator, disk) as far as a wrong one could do harm: a newer
 * orchestrator may add fields, but what is used here must be what it seems.
 */
export function checkDocument(input: unknown): CheckedDocument {
  const faults: FieldFault[] = [];
  const add = (field: string, message: string) => faults.push({ field, message });
  if (!isRecord(input)) return { ok: false, faults: [{ field: '', message: 'must be a JSON object' }] };
  for (const field of ['product_id', 'revision', 'reconnect_generation', 'handover_after_ms']) {
    if (!Number.isSafeInteger(input[field])) add(field, 'must be an integer');
  }
  if (typeof input.product_slug !== 'string') add('product_slug', 'must be a text');
  if (typeof input.enabled !== 'boolean') add('enabled', 'must be a boolean');
  if (!isTextMap(input.variables)) add('variables', 'must map names to texts');
  if (!isTextMap(input.secrets)) add('secrets', 'must map names to texts');
  if (!isRecord(input.failover)) add('failover', 'must be an object');
  else if (input.failover.subscribe_on !== undefined && !SUBSCRIBE_ON.includes(input.failover.subscribe_on as never))
    add('failover.subscribe_on', `must be one of ${SUBSCRIBE_ON.join(', ')}`);
  if (input.shared_group !== null && typeof input.shared_group !== 'string')
    add('shared_group', 'must be a text or null');
  if (!Array.isArray(input.brokers)) add('brokers', 'must be an array');
  else for (const [index, broker] of input.brokers.entries()) checkBroker(broker, `brokers[${index}]`, add);
  if (!Array.isArray(input.subscriptions)) add('subscriptions', 'must be an array');
  else {
    for (const [index, subscription] of input.subscriptions.entries()) {
      checkSubscription(subscription, `subscriptions[${index}]`, faults);
    }
  }
  if (faults.length > 0) return { ok: false, faults };
  // An older orchestrator, or a document of one on disk, doesn't know these.
  const document = input as unknown as ListenerConfigDocument;
  const session_key = typeof input.session_key === 'string' ? input.session_key : null;
  const brokers = document.brokers.map((broker) => ({
    ...broker,
    proxy_url: broker.proxy_url ?? null,
    proxy_username: broker.proxy_username ?? null,
    proxy_password: broker.proxy_password ?? null,
  }));
  const failover = { ...document.failover, subscribe_on: document.failover.subscribe_on ?? ('one' as const) };
  return { ok: true, document: { ...document, session_key, brokers, failover } };
}

function checkBroker(input: unknown, field: string, add: (field: string, message: string) => void): void {
  if (!isRecord(input)) {
    add(field, 'must be an object');
    return;
  }
  const broker = input as Partial<BrokerConnection>;
  if (typeof broker.name !== 'string') add(`${field}.name`, 'must be a text');
  if (typeof broker.host !== 'string' || broker.host === '') add(`${field}.host`, 'must be a text');
  if (!Number.isInteger(broker.port) || Number(broker.port) < 1 || Number(broker.port) > 65_535)
    add(`${field}.port`, 'must be 1–65535');
  if (!TRANSPORTS.includes(broker.transport as never))
    add(`${field}.transport`, `must be one of ${TRANSPORTS.join(', ')}`);
  for (const flag of ['verify_cert', 'clean_session'] as const) {
    if (typeof broker[flag] !== 'boolean') add(`${field}.${flag}`, 'must be a boolean');
  }
  if (!Number.isInteger(broker.keep_alive)) add(`${field}.keep_alive`, 'must be an integer');
}

function checkSubscription(input: unknown, field: string, faults: FieldFault[]): void {
  const add = (name: string, message: string) => faults.push({ field: `${field}${name}`, message });
  if (!isRecord(input)) {
    add('', 'must be an object');
    return;
  }
  const subscription = input as Partial<ListenerSubscription>;
  if (!Number.isSafeInteger(subscription.id)) add('.id', 'must be an integer');
  if (typeof subscription.topic_filter !== 'string' || subscription.topic_filter === '')
    add('.topic_filter', 'must be a text');
  if (![0, 1, 2].includes(subscription.qos as number)) add('.qos', 'must be 0, 1 or 2');
  if (!PAYLOAD_FORMATS.includes(subscription.payload_format as never))
    add('.payload_format', `must be one of ${PAYLOAD_FORMATS.join(', ')}`);
  if (!Array.isArray(subscription.wildcard_names)) add('.wildcard_names', 'must be an array');
  faults.push(...validateActions(subscription.actions, { field: `${field}.actions`, depth: 'shape' }).faults);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextMap(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((text) => typeof text === 'string');
}
