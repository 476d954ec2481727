import type { FieldFault } from '@cortex-mqtt/contracts';
import { compileTemplate, rawPayloadOf, type Template } from '@cortex-mqtt/expressions';
import { mqttStringFault, topicMatches, validatePublishTopic } from '@cortex-mqtt/mqtt';
import { ActionFault } from '../action-fault';
import type { ActionType, CheckContext, PrepareContext } from '../action-type';
import { templateFaults, templateMapFaults } from '../field-checks';
import { escapeOf, scopeOf } from '../rendering';
import { PublishAction } from './publish-action';
import type { PublishRequest } from './publisher';

export interface PreparedPublish extends PublishRequest {
  /** The topic is matched by the subscription that the message came through. */
  returns: boolean;
}

/** User property that counts how often a message has been published by an action of ours. */
export const HOPS_PROPERTY = 'cortex-hops';
/** A message that has come this far goes round in circles. */
export const MAX_HOPS = 8;

export const publishAction: ActionType<PublishAction, PreparedPublish> = {
  type: 'publish',
  title: 'Publish to MQTT',
  description: "Publishes to the product's broker, to another topic or with another payload.",
  definition: PublishAction,
  check: (definition, context) => [
    ...templateFaults('topic', definition.topic, context),
    ...literalTopicFaults(definition.topic, context),
    ...templateFaults('payload', definition.payload, context),
    ...templateFaults('content_type', definition.content_type, context),
    ...templateMapFaults('user_properties', definition.user_properties, context, propertyNameFault),
  ],
  compile: (definition) => {
    const compiled = compilePublish(definition);
    return async (context) => {
      const hops = hopsOf(context) + 1;
      if (hops > MAX_HOPS) {
        throw new ActionFault(
          `the message has been published ${MAX_HOPS} times by actions already: it goes round in circles`,
          {
            permanent: true,
            detail: { code: 'HOP_LIMIT' },
          },
        );
      }
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
        returns: context.topic_filter !== null && topicMatches(context.topic_filter, topic),
      };
    };
  },
  execute: async ({ returns, ...request }, { publisher }, { signal, timeout_ms }) => {
    if (returns && !publisher.supports_properties) {
      throw new ActionFault(
        `publishing to ${request.topic} would trigger this action again, without end on MQTT 3.1.1`,
        {
          permanent: true,
          detail: { code: 'LOOP' },
        },
      );
    }
    await withTimeLimit((limited) => publisher.publish(request, { signal: limited }), { timeout_ms, signal });
    return { detail: { topic: request.topic, qos: request.qos } };
  },
  destination: () => 'broker',
  preview: ({ payload, returns, ...request }) => ({
    ...request,
    payload: payload.toString('utf8'),
    ...(returns ? { warning: 'the topic is matched by the subscription itself' } : {}),
  }),
};

/** Runs `work` under a signal that is aborted when the time is over or `signal` is. */
async function withTimeLimit(
  work: (signal: AbortSignal) => Promise<void>,
  { timeout_ms, signal }: { timeout_ms: number; signal: AbortSignal | undefined },
): Promise<void> {
  const limit = new AbortController();
  const stop = () => limit.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(stop, timeout_ms);
  try {
    await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
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

function hopsOf({ envelope }: PrepareContext): number {
  const value = envelope.user_properties[HOPS_PROPERTY];
  const hops = Number(Array.isArray(value) ? value.at(-1) : value);
  return Number.isInteger(hops) && hops > 0 ? hops : 0;
}

function literalTopicFaults(topic: string, context: CheckContext): FieldFault[] {
  if (topic.includes('{{')) return [];
  const fault = validatePublishTopic(topic);
  if (fault !== null) return [{ field: 'topic', message: fault }];
  const { subscription, protocol_version } = context;
  if (subscription === null || protocol_version !== 4 || !topicMatches(subscription.topic_filter, topic)) return [];
  return [
    {
      field: 'topic',
      message: 'is matched by the subscription itself: each message would trigger the next, without end on MQTT 3.1.1',
    },
  ];
}

function propertyNameFault(name: string): string | null {
  if (name === HOPS_PROPERTY) return 'is set by cortex-mqtt itself';
  if (name === '') return 'must have a name';
  return mqttStringFault(name);
}
