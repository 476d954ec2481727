import { Writable } from 'node:stream';
import winston from 'winston';
import { formatJson, formatPretty, LOG_LEVELS, type LogEntry, type LogLevel } from './log-format';
import type { Redactor } from './redactor';
import { createRotatingFile, type RotatingFile, type RotatingFileOptions } from './rotating-file';

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured log. Message texts are constant, what varies goes into fields; an error goes into the field `error`.
 * No method throws, whatever the fields are.
 */
export interface Logger {
  /** A person must act. */
  error(message: string, fields?: LogFields): void;
  /** Heals by itself. */
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  child(fields: LogFields): Logger;
  isEnabled(level: LogLevel): boolean;
}

/** The log of a process. */
export interface RootLogger extends Logger {
  setLevel(level: LogLevel): void;
  /** Writes what is waiting and closes the file; what is logged afterwards is lost. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  service: string;
  version: string;
  redactor: Redactor;
  /** `info` by default. */
  level?: LogLevel;
  /** `auto` (the default) is pretty when the destination is a terminal. */
  format?: 'json' | 'pretty' | 'auto';
  /** Additional log file, always JSON. */
  file?: Pick<RotatingFileOptions, 'path' | 'max_size_bytes' | 'max_files'>;
  /** Standard output by default. */
  destination?: NodeJS.WritableStream & { isTTY?: boolean };
}

/** Symbol under which winston's transports look for the finished line (triple-beam). */
const MESSAGE = Symbol.for('message');
const LEVEL = Symbol.for('level');

export function createLogger(options: LoggerOptions): RootLogger {
  const destination = options.destination ?? process.stdout;
  const shield = shielded(destination);
  const pretty = options.format === 'pretty' || (options.format !== 'json' && destination.isTTY === true);
  const render = lineFormat(options.redactor);
  const transports: winston.transport[] = [
    new winston.transports.Stream({ stream: shield, format: render({ pretty }), eol: '\n' }),
  ];
  let file: RotatingFile | null = null;
  if (options.file) {
    file = createRotatingFile({
      ...options.file,
      onTrouble: ({ error, lost_lines }) => {
        besideWinston.error('The log file cannot be written', { error, lost_lines, path: options.file?.path });
      },
    });
    transports.push(
      new winston.transports.Stream({ stream: fileStream(file), format: render({ pretty: false }), eol: '\n' }),
    );
  }

  const base = { service: options.service, version: options.version };
  const levels = Object.fromEntries(LOG_LEVELS.map((level, index) => [level, index]));
  // The format of its own would print the fields before any redaction; the transports' formats do the work.
  const asItIs = winston.format((info) => info)();
  const root = winston.createLogger({ levels, level: options.level ?? 'info', format: asItIs, transports });
  // Trouble with the file must not go to the file, and may come while everything else is closed already.
  const besideWinston = bind({}, (entry) => {
    shield.write(`${pretty ? formatPretty(entry, options.redactor) : formatJson(entry, options.redactor)}\n`);
  });

  function bind(bound: LogFields, write: (entry: LogEntry) => void): Logger {
    const log =
      (level: LogLevel) =>
      (message: string, fields?: LogFields): void => {
        if (!root.isLevelEnabled(level)) return;
        write({ level, message, base, fields: { ...bound, ...fields } });
      };
    return {
      error: log('error'),
      warn: log('warn'),
      info: log('info'),
      debug: log('debug'),
      child: (fields) => bind({ ...bound, ...fields }, write),
      isEnabled: (level) => root.isLevelEnabled(level),
    };
  }

  let closed: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      root.once('finish', resolve);
      root.end();
    });
    await file?.close();
  };

  return {
    ...bind({}, (entry) => {
      if (closed === null) root.write(infoOf(entry));
    }),
    setLevel: (level) => {
      root.level = level;
    },
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

/** The entry travels as it is; each transport renders it in its own format. */
function infoOf(entry: LogEntry): object {
  return { level: entry.level, [LEVEL]: entry.level, message: entry.message, entry };
}

const lineFormat = (redactor: Redactor) =>
  winston.format((info, options) => {
    const entry = info.entry as LogEntry;
    const { pretty } = options as { pretty: boolean };
    info[MESSAGE] = pretty ? formatPretty(entry, redactor) : formatJson(entry, redactor);
    return info;
  });

/** A closed pipe (`node … | head`) or a full disk behind standard output must not end the process. */
function shielded(destination: NodeJS.WritableStream): Writable {
  let broken = false;
  destination.on('error', () => {
    broken = true; // nowhere left to report it to
  });
  return new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, callback) {
      if (!broken) destination.write(chunk);
      callback();
    },
  });
}

function fileStream(file: RotatingFile): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, callback) {
      file.write(chunk);
      callback();
    },
  });
}
