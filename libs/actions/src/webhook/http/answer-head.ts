import { FIELD_NAME, FIELD_VALUE } from './field-syntax';

/** The destination sent something that is not an HTTP/1.1 answer, or one whose end can't be told for sure. */
export class AnswerFault extends Error {
  readonly code = 'BAD_ANSWER';

  constructor(
    message: string,
    /** The final status, where at least that was said; the destination has decided then. */
    readonly status: number | null = null,
  ) {
    super(message);
  }
}

/** Status line and headers of an answer, and what they say of its body. */
export interface AnswerHead {
  /** What it was read from, without the empty line. */
  text: string;
  status: number;
  /** By name in lower case; of several of one name the first. */
  headers: ReadonlyMap<string, string>;
  /** null: it says none. */
  content_length: number | null;
  is_chunked: boolean;
  /** The connection may be used again (RFC 9112, 9.3). */
  is_kept_open: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;

/** @throws AnswerFault */
export function parseAnswerHead(text: string): AnswerHead {
  const lines = unfolded(text).split('\r\n');
  const status_line = STATUS_LINE.exec(lines[0] as string);
  if (status_line === null) throw beginningFault(text) ?? new AnswerFault('this is no answer in HTTP/1.1');
  try {
    return headOf(text, status_line, lines);
  } catch (error) {
    const status = Number(status_line[2]);
    throw error instanceof AnswerFault && status >= 200 ? new AnswerFault(error.message, status) : error;
  }
}

/** A header may go on in further lines that begin with a blank; each such break is a blank (RFC 9112, 5.2). */
function unfolded(text: string): string {
  return text.includes('\r\n ') || text.includes('\r\n\t') ? text.replace(/[ \t]*\r\n[ \t]+/g, ' ') : text;
}

function headOf(text: string, status_line: RegExpExecArray, lines: readonly string[]): AnswerHead {
  const headers = new Map<string, string>();
  const framing = new Framing(status_line[1] === '1');
  for (let index = 1; index < lines.length; index += 1) {
    const { name, value } = parseField(lines[index] as string);
    if (!headers.has(name)) headers.set(name, value);
    framing.see(name, value);
  }
  const { content_length, is_chunked, is_kept_open } = framing;
  return { text, status: Number(status_line[2]), headers, content_length, is_chunked, is_kept_open };
}

const HTTP_1 = 'HTTP/1.';

/**
 * What is wrong with an answer of which this much has come: what never becomes one is said at once and by its name, not when the time
 * is over. null: it may still become one.
 */
export function beginningFault(text: string): AnswerFault | null {
  if (!HTTP_1.startsWith(text.slice(0, HTTP_1.length))) return new AnswerFault(foreignProtocol(text));
  const line_end = text.search(/(?:^|[^\r])\n/);
  if (line_end === -1) return null;
  const status = Number(STATUS_LINE.exec(text.slice(0, line_end + 1).trimEnd())?.[2] ?? 0);
  return new AnswerFault('its lines end with LF alone, where HTTP/1.1 has CR and LF', status >= 200 ? status : null);
}

/** Handshake or alert, and the version of TLS that every record has. */
const isTls = (text: string): boolean => [0x15, 0x16].includes(text.charCodeAt(0)) && text.charCodeAt(1) === 3;

/** A SETTINGS frame of stream 0, by which a server of HTTP/2 begins (RFC 9113, 3.4 and 4.1), or the preface of a client. */
const isHttp2 = (text: string): boolean =>
  text.startsWith('PRI * HTTP/2') ||
  (text.length >= 9 && [0, 5, 6, 7, 8].every((at) => text.charCodeAt(at) === 0) && text.charCodeAt(3) === 4);

function foreignProtocol(text: string): string {
  if (isTls(text)) return 'it speaks TLS: the URL must begin with https://';
  if (isHttp2(text)) return 'it speaks HTTP/2 only, and HTTP/1.1 was asked for';
  const shown = text.slice(0, 24).replace(/[^\x20-\x7e]/g, '·');
  return `this is no answer in HTTP/1.1, it begins with "${shown}"`;
}

/** One line of headers or trailers. @throws AnswerFault */
export function parseField(line: string): { name: string; value: string } {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  const value = line.slice(colon + 1);
  if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) throw new AnswerFault('a header that can not be read');
  return { name: name.toLowerCase(), value: trimBlanks(value) };
}

/** Blank and tab only (RFC 9110, 5.6.3): `trim` also takes a no-break space, which belongs to the value. */
function trimBlanks(text: string): string {
  let from = 0;
  let end = text.length;
  while (from < end && isBlank(text.charCodeAt(from))) from += 1;
  while (end > from && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(from, end);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** What the headers say of where the answer ends, and of what comes after (RFC 9112, 6 and 9.3). */
class Framing {
  content_length: number | null = null;
  is_chunked = false;
  is_kept_open: boolean;

  constructor(private readonly is_1_1: boolean) {
    this.is_kept_open = is_1_1;
  }

  see(name: string, value: string): void {
    switch (name) {
      case 'content-length':
        if (this.content_length !== null || this.is_chunked || !/^\d{1,15}$/.test(value)) {
          throw new AnswerFault('more than one length, or one that can not be read');
        }
        this.content_length = Number(value);
        return;
      case 'transfer-encoding':
        if (this.content_length !== null || this.is_chunked || !this.is_1_1 || value.toLowerCase() !== 'chunked') {
          throw new AnswerFault('a transfer coding other than "chunked", or beside a length');
        }
        this.is_chunked = true;
        return;
      case 'connection': {
        const options = value.toLowerCase().split(',').map(trimBlanks);
        if (options.includes('close')) this.is_kept_open = false;
        else if (!this.is_1_1 && options.includes('keep-alive')) this.is_kept_open = true;
        return;
      }
    }
  }
}
