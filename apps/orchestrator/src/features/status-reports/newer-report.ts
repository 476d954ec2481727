import { INSTANCE_STATES } from '@cortex-mqtt/contracts';
import { EVENT_TYPES } from './status-report.dto';

type Json = Record<string, unknown>;

/**
 * A report of a listener that may be newer: a value that this orchestrator does not know is kept as text, so that the instance
 * stays visible. Fields that it does not know are left out by the validation.
 */
export function readNewer(body: unknown): unknown {
  if (!isObject(body)) return body;
  const report: Json = { ...body };
  if (isNewText(report.state, INSTANCE_STATES)) {
    const said = typeof report.reason === 'string' ? ` ${report.reason}` : '';
    report.reason = `The listener is in a state that this orchestrator does not know: "${report.state}".${said}`;
    report.reason_code = 'NEWER_LISTENER';
    report.advice = 'Upgrade the orchestrator to the version of the listener.';
    report.state = 'degraded';
  }
  if (isObject(report.delta) && Array.isArray(report.delta.events)) {
    const events = report.delta.events.map((event: unknown) =>
      isObject(event) && isNewText(event.type, EVENT_TYPES)
        ? { ...event, type: 'other', detail: { ...(isObject(event.detail) ? event.detail : {}), type: event.type } }
        : event,
    );
    report.delta = { ...report.delta, events };
  }
  return report;
}

const isNewText = (value: unknown, known: readonly string[]): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= 100 && !known.includes(value);

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
