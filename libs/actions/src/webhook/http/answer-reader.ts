import { MAX_EXCERPT_CHARS } from '../../action-fault';

/** The destination sent something that is not an HTTP/1.1 answer, or one whose end can't be told for sure. */
export class AnswerFault extends Error {
  readonly code = 'BAD_ANSWER';
}

export interface HttpAnswer {
  status: number;
  /** By name in lower case; of several of one name the first. */
  headers: ReadonlyMap<string, string>;
  /** Beginning of the body, as much as is shown of it, one character a byte. */
  body_latin1: string;
}

/** As much of a body is read; what comes after is of no use to us. */
const MAX_BODY_BYTES = 65_536;
/** Status lines, headers and trailers of one answer, interim answers included. */
const MAX_HEAD_BYTES = 32_768;
const MAX_CHUNK_LINE_BYTES = 1_024;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;

type State = 'head' | 'body' | 'body-to-end' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'complete';

/**
 * Reads the answers of one connection, one after another (RFC 9112). Strict where leniency would let two readers disagree on
 * where an answer ends: no bare LF, no folded lines, no blank before a colon, one Content-Length or one `chunked`, never
 * both (6.3, 11.2). Bytes may come cut anywhere.
 */
export class AnswerReader {
  private state: State = 'complete';
  /** Where in the bytes that are being read. */
  private at = 0;
  /** Beginning of a head or line whose end has not come. */
  private pending = '';
  /** Bytes of the body, or of the chunk, that are to come. */
  private remaining = 0;
  private head_bytes = 0;
  private body_bytes = 0;
  private has_no_body = false;
  private has_unread_bytes = false;
  private is_cut = false;
  private is_kept_open = false;
  private status = 0;
  private headers = new Map<string, string>();
  private body_latin1 = '';

  /** Whether the head has come and the body has not. */
  get is_in_body(): boolean {
    return this.state !== 'head' && this.state !== 'complete';
  }

  get answer(): HttpAnswer {
    return { status: this.status, headers: this.headers, body_latin1: this.body_latin1 };
  }

  /** After the answer: whether the connection may carry another request. */
  get may_be_reused(): boolean {
    return this.is_kept_open && !this.is_cut && !this.has_unread_bytes;
  }

  /** Seconds that the destination keeps an idle connection (`Keep-Alive: timeout=`); null = it doesn't say. */
  get keep_alive_s(): number | null {
    const told = /(?:^|[,; ])timeout=(\d{1,6})(?:$|[,; ])/i.exec(this.headers.get('keep-alive') ?? '');
    return told === null ? null : Number(told[1]);
  }

  /** A request goes out, what comes next is its answer. `has_no_body`: it was a HEAD. */
  begin({ has_no_body }: { has_no_body: boolean }): void {
    this.state = 'head';
    this.pending = '';
    this.head_bytes = 0;
    this.body_bytes = 0;
    this.body_latin1 = '';
    this.has_no_body = has_no_body;
    this.has_unread_bytes = false;
    this.is_cut = false;
  }

  /** Takes the first `length` bytes, keeps none of them. True: the answer is complete. @throws AnswerFault */
  read(bytes: Buffer, length: number): boolean {
    this.at = 0;
    while (this.at < length && this.state !== 'complete') this.step(bytes, length);
    this.has_unread_bytes = this.at < length;
    return this.state === 'complete';
  }

  /** The destination has closed. True: that was the end of an answer without a length; false: something is missing. */
  end(): boolean {
    if (this.state === 'body-to-end') this.state = 'complete';
    return this.state === 'complete';
  }

  private step(bytes: Buffer, length: number): void {
    switch (this.state) {
      case 'head': {
        const head = this.textUntil('\r\n\r\n', bytes, length, MAX_HEAD_BYTES);
        if (head !== null) this.onHead(head);
        return;
      }
      case 'body':
      case 'chunk':
        this.readBody(bytes, Math.min(length, this.at + this.remaining));
        return;
      case 'body-to-end':
        this.readBody(bytes, length);
        return;
      case 'chunk-size': {
        const line = this.textUntil('\r\n', bytes, length, MAX_CHUNK_LINE_BYTES);
        if (line !== null) this.onChunkSize(line);
        return;
      }
      case 'chunk-end':
        if (this.textUntil('\r\n', bytes, length, 0) !== null) this.state = 'chunk-size';
        return;
      case 'trailers': {
        const line = this.textUntil('\r\n', bytes, length, MAX_HEAD_BYTES);
        if (line !== null) this.onTrailer(line);
        return;
      }
      case 'complete':
        return;
      default:
        this.state satisfies never;
    }
  }

  /** The text before `end`, which is at most `limit` bytes long; null when its end has not come yet. */
  private textUntil(end: string, bytes: Buffer, length: number, limit: number): string | null {
    const before = this.pending.length;
    const most = limit + end.length;
    const text = this.pending + bytes.toString('latin1', this.at, Math.min(length, this.at + most - before));
    const found = text.indexOf(end, Math.max(0, before - end.length));
    if (found === -1) {
      if (text.length >= most) throw new AnswerFault(`a line does not end within ${limit} bytes`);
      this.pending = text;
      this.at = length;
      return null;
    }
    this.pending = '';
    this.at += found + end.length - before;
    return text.slice(0, found);
  }

  private readBody(bytes: Buffer, end: number): void {
    const room = MAX_EXCERPT_CHARS - this.body_latin1.length;
    if (room > 0) this.body_latin1 += bytes.toString('latin1', this.at, Math.min(end, this.at + room));
    this.body_bytes += end - this.at;
    this.remaining -= end - this.at;
    this.at = end;
    if (this.body_bytes > MAX_BODY_BYTES) {
      this.is_cut = true;
      this.state = 'complete';
    } else if (this.remaining === 0) {
      this.state = this.state === 'chunk' ? 'chunk-end' : 'complete';
    }
  }

  private onHead(head: string): void {
    this.count(head.length);
    const lines = head.split('\r\n');
    const status_line = STATUS_LINE.exec(lines[0] as string);
    if (status_line === null) throw new AnswerFault('this is no answer in HTTP/1.1');
    this.status = Number(status_line[2]);
    const framing = new Framing(status_line[1] === '1');
    this.headers = new Map();
    for (let index = 1; index < lines.length; index += 1) {
      const [name, value] = fieldOf(lines[index] as string);
      if (!this.headers.has(name)) this.headers.set(name, value);
      framing.see(name, value);
    }
    // An interim answer (RFC 9110, 15.2). We never ask for another protocol.
    if (this.status === 101) throw new AnswerFault('the protocol was switched, which was not asked for');
    if (this.status < 200) return;
    this.is_kept_open = framing.is_kept_open;
    if (this.has_no_body || this.status === 204 || this.status === 304) {
      this.state = 'complete';
    } else if (framing.is_chunked) {
      this.state = 'chunk-size';
    } else if (framing.content_length === null) {
      this.remaining = Number.POSITIVE_INFINITY;
      this.is_kept_open = false;
      this.state = 'body-to-end';
    } else {
      this.remaining = framing.content_length;
      this.state = this.remaining === 0 ? 'complete' : 'body';
    }
  }

  private onChunkSize(line: string): void {
    const size = CHUNK_LINE.exec(line)?.[1];
    if (size === undefined) throw new AnswerFault('the size of a chunk can not be read');
    this.remaining = Number.parseInt(size, 16);
    this.state = this.remaining === 0 ? 'trailers' : 'chunk';
  }

  /** Trailers are of no use here, but must be such. */
  private onTrailer(line: string): void {
    this.count(line.length);
    if (line === '') this.state = 'complete';
    else fieldOf(line);
  }

  private count(bytes: number): void {
    this.head_bytes += bytes;
    if (this.head_bytes > MAX_HEAD_BYTES) throw new AnswerFault(`headers of more than ${MAX_HEAD_BYTES} bytes`);
  }
}

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
        const options = value.toLowerCase().split(/[ \t]*,[ \t]*/);
        if (options.includes('close')) this.is_kept_open = false;
        else if (!this.is_1_1 && options.includes('keep-alive')) this.is_kept_open = true;
        return;
      }
    }
  }
}

function fieldOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  const value = line.slice(colon + 1);
  if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) throw new AnswerFault('a header that can not be read');
  return [name.toLowerCase(), value.trim()];
}
