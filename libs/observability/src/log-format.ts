import type { Plain } from './plain-value';
import type { Redactor } from './redactor';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
/** `error`: a person must act. `warn`: heals by itself. */
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogEntry {
  level: LogLevel;
  message: string;
  /** Of the process: service, version. */
  base: Readonly<Record<string, unknown>>;
  fields: Readonly<Record<string, unknown>>;
}

const RESERVED = new Set(['time', 'level', 'message', 'service', 'version']);

/** One JSON object a line; a field whose name is taken by the line itself gets `field_` before it. */
export function formatJson(entry: LogEntry, redactor: Redactor): string {
  return JSON.stringify({ ...head(entry, redactor), ...body(entry, redactor) });
}

const COLOURS: Record<LogLevel, string> = { error: '\x1b[31m', warn: '\x1b[33m', info: '\x1b[32m', debug: '\x1b[90m' };
const DIM = '\x1b[2m';
const RESET = '\x1b[0m';

/** For a person at a terminal: time, level, message, then the fields; stacks on lines of their own. */
export function formatPretty(entry: LogEntry, redactor: Redactor): string {
  const { time, level, message } = head(entry, redactor);
  const stacks: string[] = [];
  const parts = Object.entries(body(entry, redactor)).map(([key, value]) => {
    if (isError(value)) {
      stacks.push(...stacksOf(value));
      return `${key}=${printable(value.message)}`;
    }
    return `${key}=${typeof value === 'string' && /^[\w./:@#+-]+$/.test(value) ? value : JSON.stringify(value)}`;
  });
  const tail = parts.length > 0 ? ` ${DIM}${parts.map(printable).join(' ')}${RESET}` : '';
  const line = `${DIM}${time.slice(11, 23)}${RESET} ${COLOURS[level]}${level.padEnd(5)}${RESET} ${printable(message)}${tail}`;
  return [line, ...stacks.map((stack) => `${DIM}${indent(stack)}${RESET}`)].join('\n');
}

function head(entry: LogEntry, redactor: Redactor) {
  return {
    time: new Date().toISOString(),
    level: entry.level,
    ...entry.base,
    message: redactor.redactText(entry.message),
  };
}

function body(entry: LogEntry, redactor: Redactor): Record<string, Plain> {
  const fields = redactor.redact(entry.fields);
  if (fields === null || typeof fields !== 'object' || Array.isArray(fields)) return { fields };
  return Object.fromEntries(Object.entries(fields).map(([k, v]) => [RESERVED.has(k) ? `field_${k}` : k, v]));
}

type PlainError = { message: string; stack: string; cause?: Plain };

function isError(value: Plain | undefined): value is PlainError {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    typeof value.stack === 'string' &&
    typeof value.message === 'string'
  );
}

function stacksOf(error: PlainError): string[] {
  return isError(error.cause) ? [error.stack, ...stacksOf(error.cause).map((s) => `cause: ${s}`)] : [error.stack];
}

/** Topics and payloads come from outside: they must not move the cursor or forge a line. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
}

function indent(stack: string): string {
  return stack
    .split('\n')
    .map((line) => `    ${printable(line)}`)
    .join('\n');
}
