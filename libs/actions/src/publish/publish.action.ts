import type { FieldFault } from '@cortex-mqtt/contracts';
import { compileTemplate, rawPayloadOf, type Template } from '@cortex-mqtt/expressions';
import { mqttStringFault, topicMatches, validatePublishTopic } from '@cortex-mqtt/mqtt';
import { ActionFault } from '../action-fault';
import type { ActionType, CheckContext, PrepareContext } from '../action-type';
import type { AttemptContext } from '../attempt-context';
import { credentialFaults } from '../credential-literals';
import { templateFaults, templateMapFaults } from '../field-checks';
import { escapeOf, scopeOf } from '../rendering';
import { PublishAction } from './publish-action';
import { wayBack } from './publish-cycle';
import type { HopMemory } from './hop-memory';
import { HOPS_PROPERTY, hopLimit, MAX_HOPS, nextHops } from './hops';
import { limitFault, qosFault, retainFault } from './publish-limits';
import type { PublishRequest } from './publisher';

export interface PreparedPublish extends PublishRequest {
  /** The topic is matched by the subscription that the message came through. */
  returns: boolean;
  /** The message that it was made from. */
  source: { topic: string; payload: Buffer };
}

export const publishAction: ActionType<PublishAction, PreparedPublish> = {
  type: 'publish',
  title: 'Publish to MQTT',
  description: "Publishes to the product's broker, to another topic or with another payload.",
  definition: PublishAction,
  check: (definition, context) => [
    ...templateFaults('topic', definition.topic, context),
    ...literalTopicFaults(definition.topic, context),
    ...brokerLimitFaults(definition, context),
    ...templateFaults('payload', definition.payload, context),
    ...templateFaults('content_type', definition.content_type, context),
    ...templateMapFaults('user_properties', definition.user_properties, context, propertyNameFault),
    ...credentialFaults('user_properties', definition.user_properties),
  ],
  compile: (definition) => {
    const compiled = compilePublish(definition);
    return async (context) => {
      const hops = nextHops(context.envelope);
      const scope = scopeOf(context);
      const topic = await compiled.topic.render(scope, { escape: 'none' });
      const fault = validatePublishTopic(topic);
      if (fault !== null) {
        throw new ActionFault(`the topic ${fault}: ${JSON.stringify(topic)}`, {
          permanent: true,
          detail: { code: 'INVALID_TOPIC' },
        });
      }
      const user_properties: Record<string, string> = {};
      for (const [name, value] of compiled.user_properties) {
        user_properties[name] = await value.render(scope, { escape: 'none' });
      }
      return {
        topic,
        payload: await payloadOf(compiled, context),
        qos: definition.qos ?? 1,
        retain: definition.retain ?? false,
        user_properties: { 'message-id': context.envelope.id, ...user_properties, [HOPS_PROPERTY]: String(hops) },
        content_type: await contentTypeOf(compiled, context),
        message_expiry_s: definition.message_expiry_s ?? null,
        source: { topic: context.envelope.topic, payload: rawPayloadOf(context.envelope)?.bytes ?? Buffer.alloc(0) },
        returns: context.topic_filter !== null && topicMatches(context.topic_filter, topic),
      };
    };
  },
  execute: async ({ returns, source, ...request }, { publisher, hops }, { signal, timeout_ms, trace }) => {
    if (!publisher.supports_properties) countHops(hops, source, request);
    if (returns && !publisher.supports_properties) {
      throw new ActionFault(
        `publishing to ${request.topic} would trigger this action again, without end on MQTT 3.1.1`,
        {
          permanent: true,
          detail: { code: 'LOOP' },
        },
      );
    }
    const sent = trace == null ? request : { ...request, user_properties: withTrace(request.user_properties, trace) };
    await publisher.publish(sent, { signal: signal ?? new AbortController().signal, timeout_ms });
    return { detail: { topic: request.topic, qos: request.qos } };
  },
  destination: () => 'broker',
  beyondLimits: ({ returns, source, ...request }, { limits, protocol_version }) =>
    limitFault(request, limits, protocol_version),
  preview: ({ payload, returns, source, ...request }) => ({
    ...request,
    payload: payload.toString('utf8'),
    ...(returns ? { warning: 'the topic is matched by the subscription itself' } : {}),
  }),
};

/** W3C Trace Context for MQTT, unless the action names properties of its own for it. On MQTT 3.1.1 they stay behind with the others. */
function withTrace(
  properties: PublishRequest['user_properties'],
  { traceparent, tracestate }: AttemptContext,
): PublishRequest['user_properties'] {
  if (Object.hasOwn(properties, 'traceparent')) return properties;
  return { ...properties, traceparent, ...(tracestate === null ? {} : { tracestate }) };
}

/** On MQTT 3.1.1 the number of hops can't travel with the message. Two subscriptions that publish to each other would never end. */
function countHops(memory: HopMemory, source: { topic: string; payload: Buffer }, request: PublishRequest): void {
  const hops = memory.hopsOf(source.topic, source.payload) + 1;
  if (hops > MAX_HOPS) throw hopLimit();
  memory.remember(request.topic, request.payload, hops);
}

/** The templates of a definition. */
interface CompiledPublish {
  topic: Template;
  user_properties: [string, Template][];
  /** null: `input` or the payload as it came. */
  payload: Template | null;
  content_type: Template | null;
}

function compilePublish({ topic, user_properties, payload, content_type }: PublishAction): CompiledPublish {
  return {
    topic: compileTemplate(topic),
    user_properties: Object.entries(user_properties ?? {}).map(([name, value]) => [name, compileTemplate(value)]),
    payload: typeof payload === 'string' ? compileTemplate(payload) : null,
    content_type: typeof content_type === 'string' ? compileTemplate(content_type) : null,
  };
}

async function payloadOf({ payload, content_type }: CompiledPublish, context: PrepareContext): Promise<Buffer> {
  if (payload !== null) {
    const how = escapeOf(payload.text, content_type?.text);
    return Buffer.from(await payload.render(scopeOf(context), { escape: how }));
  }
  if (context.input !== undefined) {
    const { value, json } = context.input;
    return Buffer.from(typeof value === 'string' ? value : json);
  }
  const raw = rawPayloadOf(context.envelope);
  return raw ? raw.bytes : Buffer.from(JSON.stringify(context.envelope.payload));
}

async function contentTypeOf(
  { payload, content_type }: CompiledPublish,
  context: PrepareContext,
): Promise<string | null> {
  if (content_type !== null) return content_type.render(scopeOf(context), { escape: 'none' });
  // The message's own holds only for its own payload.
  return payload === null && context.input === undefined ? context.content_type : null;
}

function literalTopicFaults(topic: string, context: CheckContext): FieldFault[] {
  if (topic.includes('{{')) return [];
  const fault = validatePublishTopic(topic);
  if (fault !== null) return [{ field: 'topic', message: fault }];
  const { subscription, siblings = [], protocol_version } = context;
  if (subscription === null || protocol_version !== 4) return [];
  const way = wayBack(topic, subscription.topic_filter, siblings);
  if (way === null) return [];
  const through =
    way.length === 0
      ? 'is matched by the subscription itself'
      : `leads back through ${way.map((name) => `"${name}"`).join(', ')}`;
  return [{ field: 'topic', message: `${through}: each message would trigger the next, without end on MQTT 3.1.1` }];
}

/** What the broker said when it was last connected to. */
function brokerLimitFaults({ qos = 1, retain = false }: PublishAction, { broker }: CheckContext): FieldFault[] {
  if (!broker) return [];
  const faults: [string, string | null][] = [
    ['qos', qosFault(qos, broker.limits)],
    ['retain', retainFault(retain, broker.limits)],
  ];
  return faults.flatMap(([field, message]) => (message === null ? [] : [{ field, message }]));
}

function propertyNameFault(name: string): string | null {
  if (name === HOPS_PROPERTY) return 'is set by cortex-mqtt itself';
  if (name === '') return 'must have a name';
  return mqttStringFault(name);
}
