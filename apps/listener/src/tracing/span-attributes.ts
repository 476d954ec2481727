import type { Attributes } from '@opentelemetry/api';
import type { Delivery } from '../pipeline/delivery';
import type { RecordedEvent } from '../pipeline/message-record';
import type { AttemptTrace, DeliveryTrace } from './delivery-trace';

/** Longer values are cut by the SDK as well; a reason is cut here so that it stays readable. */
export const MAX_VALUE_CHARS = 1_024;

/** `orders/+/created` with the names of its wildcards: few names, however many topics. */
export function topicTemplate({
  topic_filter,
  wildcard_names,
}: Pick<Delivery['subscription']['definition'], 'topic_filter' | 'wildcard_names'>): string {
  let at = 0;
  return topic_filter
    .split('/')
    .map((level) => {
      if (level !== '+') return level;
      const name = wildcard_names[at++];
      return name == null ? '+' : `{${name}}`;
    })
    .join('/');
}

/** After the semantic conventions for messaging spans; what they have no name for begins with `cortex_mqtt.`. */
export function deliveryAttributes(
  delivery: Delivery,
  trace: DeliveryTrace,
  { event, product }: { event: RecordedEvent; product: string },
): Attributes {
  const { message, subscription, runs } = delivery;
  const { definition, revision } = subscription;
  return {
    'messaging.system': 'mqtt',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': message.topic,
    'messaging.destination.template': topicTemplate(definition),
    'messaging.message.id': delivery.message_id,
    'messaging.message.body.size': message.payload.length,
    'cortex_mqtt.product': product,
    'cortex_mqtt.subscription.id': definition.id,
    'cortex_mqtt.subscription.name': definition.name,
    'cortex_mqtt.revision': revision,
    'cortex_mqtt.message.qos': message.qos,
    'cortex_mqtt.message.retain': message.retain,
    'cortex_mqtt.message.duplicate': message.duplicate,
    'cortex_mqtt.outcome': event,
    'cortex_mqtt.runs': runs,
    ...(message.broker === null ? {} : { 'cortex_mqtt.broker': message.broker }),
    ...(message.replay ? { 'cortex_mqtt.replay.id': message.replay.id } : {}),
    ...(trace.left_out === 0 ? {} : { 'cortex_mqtt.attempts_left_out': trace.left_out }),
    ...(event === 'dead' || event === 'failed' ? { 'error.type': 'dead_letter' } : {}),
  };
}

/** Name and attributes of an attempt, after the conventions for what it does. Never a URL: there may be a secret in it. */
export function attemptAttributes({ action, destination, number, end }: AttemptTrace): {
  name: string;
  attributes: Attributes;
} {
  const attributes: Attributes = {
    'cortex_mqtt.action.id': action.id,
    'cortex_mqtt.action.type': action.type,
    'cortex_mqtt.attempt': number,
    ...(end?.kind === 'failed' ? { 'error.type': end.status == null ? 'failed' : String(end.status) } : {}),
  };
  switch (action.type) {
    case 'webhook':
      return httpAttempt(attributes, { method: action.method ?? 'POST', destination, number, end });
    case 'publish':
      return { name: 'publish', attributes: { ...attributes, 'messaging.system': 'mqtt', ...sending('publish') } };
    case 'queue': {
      const queue = destination?.replace(/^queue /, '') ?? null;
      return {
        name: queue === null ? 'add' : `add ${queue}`,
        attributes: {
          ...attributes,
          'messaging.system': 'bullmq',
          ...sending('add'),
          ...(queue === null ? {} : { 'messaging.destination.name': queue }),
        },
      };
    }
    case 'postgres':
      return {
        name: 'postgresql',
        attributes: { ...attributes, 'db.system.name': 'postgresql', ...serverOf(destination) },
      };
    default:
      return { name: action.type, attributes };
  }
}

const sending = (name: string): Attributes => ({
  'messaging.operation.name': name,
  'messaging.operation.type': 'send',
});

function httpAttempt(
  common: Attributes,
  { method, destination, number, end }: Pick<AttemptTrace, 'destination' | 'number' | 'end'> & { method: string },
): { name: string; attributes: Attributes } {
  const attributes: Attributes = {
    ...common,
    'http.request.method': method,
    ...serverOf(destination),
    ...(end?.status == null ? {} : { 'http.response.status_code': end.status }),
    ...(number > 1 ? { 'http.request.resend_count': number - 1 } : {}),
  };
  // There is no route that would make a better name of few values.
  return { name: method, attributes };
}

/** Of a destination that is an origin, such as `https://example.test:443`. */
function serverOf(destination: string | null): Attributes {
  const url = destination !== null && URL.canParse(destination) ? new URL(destination) : null;
  if (url === null || url.hostname === '') return {};
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  return { 'server.address': url.hostname, ...(port === undefined ? {} : { 'server.port': port }) };
}

const DEFAULT_PORTS: Record<string, number | undefined> = {
  'http:': 80,
  'https:': 443,
  'postgres:': 5432,
  'postgresql:': 5432,
};
