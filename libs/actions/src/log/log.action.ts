import { serializeEnvelope } from '@cortex-mqtt/expressions';
import type { ActionType } from '../action-type';
import { templateFaults } from '../field-checks';
import { renderField } from '../rendering';
import { LOG_LEVELS, LogAction } from './log-action';

export interface PreparedLog {
  level: (typeof LOG_LEVELS)[number];
  message: string;
  fields: Record<string, unknown>;
}

/** A line is for reading; payloads may be megabytes. */
const MAX_LINE_CHARS = 4_000;

export const logAction: ActionType<LogAction, PreparedLog> = {
  type: 'log',
  title: 'Write to the log',
  description: "Writes one line to the listener's log.",
  definition: LogAction,
  check: (definition, context) => templateFaults('message', definition.message, context),
  prepare: async (definition, context) => {
    const { envelope, input } = context;
    const message = definition.message
      ? await renderField(definition, definition.message, context, { escape: 'none' })
      : `${envelope.topic} ${input === undefined ? payloadText(context.envelope) : JSON.stringify(input)}`;
    return {
      level: definition.level ?? 'info',
      message: message.length > MAX_LINE_CHARS ? `${message.slice(0, MAX_LINE_CHARS)}…` : message,
      fields: { delivery_id: envelope.id, subscription_id: envelope.subscription_id, topic: envelope.topic },
    };
  },
  execute: async (prepared, runtime) => {
    runtime.log.log(prepared.level, prepared.message, prepared.fields);
    return { detail: {} };
  },
  destination: () => 'log',
  preview: ({ level, message }) => ({ level, message }),
};

function payloadText(envelope: Parameters<typeof serializeEnvelope>[0]): string {
  const { payload } = envelope;
  return typeof payload === 'string' ? payload : (envelope.payload_base64 ?? JSON.stringify(payload));
}
