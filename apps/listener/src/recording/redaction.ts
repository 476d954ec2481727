import type { ListenerArchive, MessageEnvelope } from '@cortex-mqtt/contracts';
import { createEnvelope, type ExpressionEngine, messageExtras } from '@cortex-mqtt/expressions';
import type { RecordedProperties } from '@cortex-mqtt/messages';
import type { Logger } from '@cortex-mqtt/observability';
import type { PipelineMessage } from '../pipeline/pipeline-message';
import { type KeptContent, propertiesOf } from './recorded-message';

/** Stands where something was taken out. */
export const REDACTED = '[redacted]';

const NOTHING = Buffer.alloc(0);

/**
 * Takes out what the archive must not have. When that fails, as with a payload that isn't JSON, nothing of the payload is
 * kept: what can't be looked into can't be cleaned.
 */
export function createRedaction({
  engine,
  product_id,
  logger,
}: {
  engine: ExpressionEngine;
  product_id: number;
  logger: Logger;
}): (message: PipelineMessage, archive: ListenerArchive) => Promise<KeptContent> {
  return async (message, { redact }) => {
    if (redact === null) return { payload: message.payload, isRedacted: false, properties: propertiesOf(message) };
    const paths = redact.paths.map((path) => path.split('.'));
    try {
      const properties = withoutProperties(propertiesOf(message), paths);
      const payload = await redactedPayload(message, { paths, expression: redact.expression, engine, product_id });
      return { payload, isRedacted: payload !== message.payload || properties !== null, properties };
    } catch (error) {
      logger.debug('a message is recorded without its payload: it could not be redacted', { error });
      return { payload: NOTHING, isRedacted: true, properties: null };
    }
  };
}

async function redactedPayload(
  message: PipelineMessage,
  options: { paths: string[][]; expression: string | null; engine: ExpressionEngine; product_id: number },
): Promise<Buffer> {
  const { expression, engine, product_id } = options;
  if (expression !== null) {
    const value = await engine.evaluate(expression, envelopeOf(message, product_id));
    return value === undefined ? NOTHING : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  }
  const paths = options.paths.filter(([first]) => first === 'payload').map((path) => path.slice(1));
  if (paths.length === 0) return message.payload;
  // A path without levels is the whole payload.
  if (paths.some((path) => path.length === 0)) return NOTHING;
  const value: unknown = JSON.parse(message.payload.toString('utf8'));
  let isChanged = false;
  for (const path of paths) isChanged = cover(value, path) || isChanged;
  return isChanged ? Buffer.from(JSON.stringify(value)) : message.payload;
}

function withoutProperties(properties: RecordedProperties | null, paths: string[][]): RecordedProperties | null {
  const names = paths.filter(([first]) => first === 'user_properties').map((path) => path.slice(1).join('.'));
  if (properties === null || names.length === 0) return properties;
  const user_properties: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(properties.user_properties)) {
    const isCovered = names.includes(name) || names.includes('*') || names.includes('');
    Object.defineProperty(user_properties, name, {
      value: isCovered ? REDACTED : value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return { ...properties, user_properties };
}

/** Replaces what stands at the path; `*` is every element or field. True when something was there. */
function cover(value: unknown, [name, ...rest]: string[]): boolean {
  if (typeof value !== 'object' || value === null || name === undefined) return false;
  const holder = value as Record<string, unknown>;
  const names = name === '*' ? Object.keys(holder) : Object.hasOwn(holder, name) ? [name] : [];
  // A field of a list is that field of each of its elements, as in expressions.
  if (Array.isArray(value) && name !== '*' && !/^\d+$/.test(name)) {
    let isChanged = false;
    for (const element of value) isChanged = cover(element, [name, ...rest]) || isChanged;
    return isChanged;
  }
  let isChanged = false;
  for (const key of names) {
    if (rest.length === 0) {
      holder[key] = REDACTED;
      isChanged = true;
    } else {
      isChanged = cover(holder[key], rest) || isChanged;
    }
  }
  return isChanged;
}

function envelopeOf(message: PipelineMessage, product_id: number): MessageEnvelope {
  return createEnvelope(
    {
      id: '',
      product_id,
      subscription_id: 0,
      topic: message.topic,
      params: {},
      qos: message.qos,
      retain: message.retain,
      duplicate: message.duplicate,
      user_properties: message.properties.user_properties,
      received_at: new Date(message.received_at_ms).toISOString(),
      ...messageExtras(message),
    },
    { bytes: message.payload, format: 'json' },
  );
}
