import type { MessageEnvelope } from '@cortex-mqtt/contracts';
import { compileTemplate, rawPayloadOf } from '@cortex-mqtt/expressions';
import type { ActionOutcome, ActionType } from '../action-type';
import { templateFaults } from '../field-checks';
import { scopeOf } from '../rendering';
import { LOG_LEVELS, LogAction } from './log-action';

export interface PreparedLog {
  level: (typeof LOG_LEVELS)[number];
  message: string;
  envelope: MessageEnvelope;
}

/** A line is for reading; payloads may be megabytes. */
const MAX_LINE_CHARS = 4_000;
const WRITTEN: ActionOutcome = Object.freeze({ detail: Object.freeze({}) });

export const logAction: ActionType<LogAction, PreparedLog> = {
  type: 'log',
  title: 'Write to the log',
  description: "Writes one line to the listener's log.",
  definition: LogAction,
  check: (definition, context) => templateFaults('message', definition.message, context),
  compile: ({ message: text, level = 'info' }) => {
    const template = text ? compileTemplate(text) : null;
    return (context) => {
      const { envelope, input } = context;
      const message =
        template !== null
          ? (template.constant ?? template.render(scopeOf(context), { escape: 'none' }))
          : `${envelope.topic} ${input === undefined ? payloadText(envelope) : input.json}`;
      return typeof message === 'string'
        ? { level, message: shortened(message), envelope }
        : message.then((rendered) => ({ level, message: shortened(rendered), envelope }));
    };
  },
  execute: ({ level, message, envelope }, { log }, { trace }) => {
    if (log.isEnabled?.(level) === false) return WRITTEN;
    const { id, subscription_id, topic } = envelope;
    const traced = trace == null ? {} : { trace_id: trace.trace_id, span_id: trace.span_id };
    log.log(level, message, { delivery_id: id, subscription_id, topic, ...traced });
    return WRITTEN;
  },
  destination: () => 'log',
  preview: ({ level, message }) => ({ level, message }),
};

const shortened = (text: string): string => (text.length > MAX_LINE_CHARS ? `${text.slice(0, MAX_LINE_CHARS)}…` : text);

/**
 * JSON as it came, on one line: parsed and printed again, big integers would be rounded. It is parsed all the same, since
 * a payload that isn't JSON is a fault.
 */
function payloadText(envelope: MessageEnvelope): string {
  const { payload } = envelope;
  const raw = rawPayloadOf(envelope);
  if (raw?.format === 'json')
    return raw.bytes
      .toString('utf8')
      .trim()
      .replace(/\s*[\r\n]\s*/g, ' ');
  return typeof payload === 'string' ? payload : (envelope.payload_base64 ?? JSON.stringify(payload));
}
