import type { FieldFault, QoS } from '@cortex-mqtt/contracts';
import { topicFilterFaults, topicMatches, validatePublishTopic } from '@cortex-mqtt/mqtt';
import { ActionFault } from '../action-fault';
import type { ActionRuntime } from '../action-runtime';
import type { ExecuteOptions, PrepareContext } from '../action-type';
import { HOPS_PROPERTY, nextHops } from '../publish/hops';
import { qosFault } from '../publish/publish-limits';
import type { CheckContext } from '../action-type';
import type { HttpAnswer } from './http/answer-reader';
import type { WebhookAction } from './webhook-action';

/** An answer that is larger is not published. */
export const REPLY_BYTES = 256 * 1024;

/** Why there is no answer to publish. */
export type NoReply = 'no_response_topic' | 'expired' | 'replay';

export interface PreparedReply {
  topic: string;
  correlation_data: Buffer | null;
  qos: QoS;
  hops: number;
  /** Milliseconds since the epoch until which the requester waits; null = it doesn't say. */
  expires_at_ms: number | null;
}

/**
 * Where the answer goes. Throws ActionFault for a response topic that is outside of what the action allows: nothing is called then, since
 * nobody could be answered.
 */
export function replyOf({ reply }: WebhookAction, { envelope }: PrepareContext): PreparedReply | NoReply | null {
  if (reply == null) return null;
  const { response_topic: topic, correlation_data, message_expiry_s } = envelope;
  // Whoever asked has had its answer, or no longer waits for it.
  if (envelope.replay) return 'replay';
  if (topic === undefined) return 'no_response_topic';
  const fault = validatePublishTopic(topic);
  if (fault !== null) throw refused(`the response topic ${fault}`, 'INVALID_TOPIC');
  if (!reply.topics.some((filter) => topicMatches(filter, topic))) {
    throw refused(
      `the response topic ${JSON.stringify(topic)} is in none of the topics for replies`,
      'REPLY_NOT_ALLOWED',
    );
  }
  return {
    topic,
    correlation_data: correlation_data === undefined ? null : Buffer.from(correlation_data, 'base64'),
    qos: reply.qos ?? 1,
    hops: nextHops(envelope),
    expires_at_ms: message_expiry_s === undefined ? null : Date.now() + message_expiry_s * 1_000,
  };
}

/** Publishes the answer; what came of it, for the detail of the attempt. Throws ActionFault. */
export async function sendReply(
  reply: PreparedReply | NoReply,
  { id, answer }: { id: string; answer: HttpAnswer },
  { publisher }: ActionRuntime,
  { signal, timeout_ms }: Pick<ExecuteOptions, 'signal' | 'timeout_ms'>,
): Promise<'published' | NoReply> {
  if (typeof reply === 'string') return reply;
  const left_ms = reply.expires_at_ms === null ? null : reply.expires_at_ms - Date.now();
  if (left_ms !== null && left_ms <= 0) return 'expired';
  if (answer.unreadable !== undefined) {
    const message = `the answer can not be published, since it could not be read: ${answer.unreadable}`;
    throw new ActionFault(message, { permanent: false, detail: { code: 'REPLY_UNREADABLE', status: answer.status } });
  }
  if (answer.body_latin1.length >= REPLY_BYTES) {
    throw refused(`the answer has more than ${REPLY_BYTES} bytes, and is not published`, 'REPLY_TOO_LARGE');
  }
  if (reply.correlation_data !== null && !publisher.supports_properties) {
    const message = 'there is no connection of MQTT 5 on which the correlation data could go back';
    throw new ActionFault(message, { permanent: false, detail: { code: 'REPLY_NEEDS_MQTT_5' } });
  }
  const request = {
    topic: reply.topic,
    payload: Buffer.from(answer.body_latin1, 'latin1'),
    qos: reply.qos,
    retain: false,
    user_properties: { 'message-id': id, [HOPS_PROPERTY]: String(reply.hops) },
    content_type: answer.headers.get('content-type') ?? null,
    message_expiry_s: left_ms === null ? null : Math.ceil(left_ms / 1_000),
    correlation_data: reply.correlation_data,
  };
  await publisher.publish(request, { signal: signal ?? new AbortController().signal, timeout_ms });
  return 'published';
}

/** What a dry run shows of it. */
export function replyPreview(reply: PreparedReply | NoReply | null): Record<string, unknown> {
  if (reply === null) return {};
  if (typeof reply === 'string') return { reply: null, reply_left_out: reply };
  const { topic, qos, correlation_data } = reply;
  return { reply: { topic, qos, correlation_data: correlation_data?.toString('base64') ?? null } };
}

export function replyFaults({ reply, batch }: WebhookAction, { broker, protocol_version }: CheckContext): FieldFault[] {
  if (reply == null) return [];
  const faults: FieldFault[] = [];
  if (batch != null)
    faults.push({ field: 'reply', message: 'must be absent: a batch has one answer for many messages' });
  if (protocol_version === 4)
    faults.push({ field: 'reply', message: 'needs MQTT 5: only there a message has a response topic' });
  reply.topics.forEach((filter, index) => {
    const [fault] = filter.startsWith('$share/') ? ['must not be shared'] : topicFilterFaults(filter);
    if (fault !== undefined) faults.push({ field: `reply.topics[${index}]`, message: fault });
  });
  const beyond = broker ? qosFault(reply.qos ?? 1, broker.limits) : null;
  if (beyond !== null) faults.push({ field: 'reply.qos', message: beyond });
  return faults;
}

const refused = (message: string, code: string): ActionFault =>
  new ActionFault(message, { permanent: true, detail: { code } });
