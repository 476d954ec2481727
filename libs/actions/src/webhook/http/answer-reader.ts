import { AnswerFault, type AnswerHead, beginningFault, parseAnswerHead, parseField } from './answer-head';

export interface HttpAnswer {
  status: number;
  /** By name in lower case; of several of one name the first. */
  headers: ReadonlyMap<string, string>;
  /** Beginning of the body, one character a byte; more than is shown of it. */
  body_latin1: string;
  /** Why no more of it could be read, though its status was; absent when it was whole. */
  unreadable?: string;
}

/** As much of a body is read; what comes after is of no use to us. */
const MAX_BODY_BYTES = 65_536;
/** As much of it is kept: more than is ever shown, so that secrets can be found in it before it is cut. */
const KEPT_BODY_CHARS = 16_384;
/** Status lines, headers and trailers of one answer, interim answers included. */
const MAX_HEAD_BYTES = 32_768;
const MAX_CHUNK_LINE_BYTES = 1_024;

const CHUNK_LINE = /^0*([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;

type State = 'head' | 'body' | 'body-to-end' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'complete';

/**
 * Reads the answers of one connection, one after another (RFC 9112). Strict where leniency would let two readers disagree on
 * where an answer ends: no bare LF, no blank before a colon, one Content-Length or one `chunked`, never
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
  /** The connection ends with this answer. */
  private is_last = false;
  private head: AnswerHead | null = null;
  private body_latin1 = '';
  private max_body_bytes = MAX_BODY_BYTES;
  private kept_body_chars = KEPT_BODY_CHARS;

  /** Whether the head has come and the body has not. */
  get is_in_body(): boolean {
    return this.state !== 'head' && this.state !== 'complete';
  }

  /** Once it is complete. */
  get answer(): HttpAnswer {
    const { status, headers } = this.head as AnswerHead;
    return { status, headers, body_latin1: this.body_latin1 };
  }

  /** Whether any byte of the answer has come. */
  get has_begun(): boolean {
    return this.state !== 'head' || this.pending !== '' || this.head_bytes > 0;
  }

  /** What is known of an answer that ended in `fault`; null when not even its status is. */
  answerDespite({ status, message }: AnswerFault): HttpAnswer | null {
    const known = status ?? (this.is_in_body ? (this.head?.status ?? null) : null);
    if (known === null) return null;
    const headers = this.is_in_body && this.head ? this.head.headers : new Map<string, string>();
    return { status: known, headers, body_latin1: this.body_latin1, unreadable: message };
  }

  /** After the answer: whether the connection may carry another request. */
  get may_be_reused(): boolean {
    return !this.is_last && !this.has_unread_bytes;
  }

  /** Seconds that the destination keeps an idle connection (`Keep-Alive: timeout=`); null = it doesn't say. */
  get keep_alive_s(): number | null {
    const hint = this.head?.headers.get('keep-alive');
    const told = hint === undefined ? null : /(?:^|[,; ])timeout=(\d{1,6})(?:$|[,; ])/i.exec(hint);
    return told === null ? null : Number(told[1]);
  }

  /** A request goes out, what comes next is its answer. `has_no_body`: it was a HEAD. `keep_bytes`: so much of its body is wanted. */
  begin({ has_no_body, keep_bytes }: { has_no_body: boolean; keep_bytes?: number | undefined }): void {
    this.max_body_bytes = keep_bytes ?? MAX_BODY_BYTES;
    this.kept_body_chars = keep_bytes ?? KEPT_BODY_CHARS;
    this.state = 'head';
    this.pending = '';
    this.head_bytes = 0;
    this.body_bytes = 0;
    this.body_latin1 = '';
    this.has_no_body = has_no_body;
    this.has_unread_bytes = false;
    this.is_last = false;
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
        else this.checkBeginning();
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

  private checkBeginning(): void {
    const fault = beginningFault(this.pending);
    if (fault !== null) throw fault;
  }

  private readBody(bytes: Buffer, end: number): void {
    const room = this.kept_body_chars - this.body_latin1.length;
    if (room > 0) this.body_latin1 += bytes.toString('latin1', this.at, Math.min(end, this.at + room));
    this.body_bytes += end - this.at;
    this.remaining -= end - this.at;
    this.at = end;
    if (this.body_bytes > this.max_body_bytes) {
      this.is_last = true;
      this.state = 'complete';
    } else if (this.remaining === 0) {
      this.state = this.state === 'chunk' ? 'chunk-end' : 'complete';
    }
  }

  private onHead(text: string): void {
    this.count(text.length);
    // Destinations mostly answer the same; only their Date changes, once a second.
    if (this.head?.text !== text) this.head = parseAnswerHead(text);
    const { status, is_chunked, content_length, is_kept_open } = this.head;
    if (!is_kept_open) this.is_last = true;
    // An interim answer (RFC 9110, 15.2). We never ask for another protocol.
    if (status === 101) throw new AnswerFault('the protocol was switched, which was not asked for');
    if (status < 200) return;
    if (this.has_no_body || status === 204 || status === 304) {
      this.state = 'complete';
    } else if (is_chunked) {
      this.state = 'chunk-size';
    } else if (content_length === null) {
      this.remaining = Number.POSITIVE_INFINITY;
      this.is_last = true;
      this.state = 'body-to-end';
    } else {
      this.remaining = content_length;
      this.state = content_length === 0 ? 'complete' : 'body';
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
    else parseField(line);
  }

  private count(bytes: number): void {
    this.head_bytes += bytes;
    if (this.head_bytes > MAX_HEAD_BYTES) throw new AnswerFault(`headers of more than ${MAX_HEAD_BYTES} bytes`);
  }
}
