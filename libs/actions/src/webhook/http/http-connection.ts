import type { Socket } from 'node:net';
import { startDeadline } from '../../deadline';
import { AnswerFault } from './answer-head';
import { AnswerReader } from './answer-reader';
import type { Exchange, Phase, Place } from './exchange';
import { openSocket, type SocketOptions } from './open-socket';
import { ConnectionError, transportFault } from './transport-fault';

/** Whose connection it is. */
export interface ConnectionOwner {
  /** It can carry a request, for the first time or again. `keep_s`: how long it may stay idle as the destination says. */
  onFree(connection: HttpConnection, keep_s: number | null): void;
  /** It is no more. `error`: why, when it never came to be. */
  onGone(connection: HttpConnection, error: Error | null): void;
  /** It broke, after earlier requests, before the first byte of this one's answer. */
  onRepeat(exchange: Exchange): void;
}

export interface ConnectionOptions extends Omit<SocketOptions, 'onread' | 'onOpen'> {
  owner: ConnectionOwner;
  /** Shared by all connections: what is read is used up before the next read. */
  read_buffer: Buffer;
  /** Milliseconds until it is there, TLS included. */
  connect_timeout_ms: number;
}

/**
 * One connection that carries one request at a time. Whatever is not exactly as it should be ends it: a request never
 * meets what is left of an earlier one. A request that it had begun to send is sent again only where a kept connection breaks before
 * any answer: most likely the destination closed it as idle while the request was on its way. Whether it has acted on it is not known;
 * the id is the same, as it is in the delivery's own retries.
 */
export class HttpConnection implements Place {
  /** When its time without a request is over, on the clock of `performance.now()`. */
  idle_until_ms = 0;
  private readonly socket: Socket;
  private readonly reader = new AnswerReader();
  private readonly owner: ConnectionOwner;
  private exchange: Exchange | null = null;
  private is_open = false;
  private is_gone = false;
  /** It has carried a request before. */
  private is_used = false;
  private readonly endConnectTimer: () => void;

  /** @throws EgressRefusedError */
  constructor(options: ConnectionOptions) {
    const { owner, read_buffer, connect_timeout_ms } = options;
    this.owner = owner;
    this.socket = openSocket({
      ...options,
      onread: {
        buffer: read_buffer,
        callback: (length) => {
          this.onBytes(read_buffer, length);
          return true;
        },
      },
      onOpen: () => this.onOpen(),
    });
    this.socket.on('error', (error) => this.end(error));
    this.socket.on('end', () => this.onEnd());
    this.socket.on('close', () => this.end(new ConnectionError('closed by the other side', 'CLOSED')));
    this.endConnectTimer = startDeadline(connect_timeout_ms, () =>
      this.end(new ConnectionError(`none within ${connect_timeout_ms} ms`, 'CONNECT_TIMEOUT')),
    );
  }

  /** No request has been sent on it yet. */
  get is_new(): boolean {
    return !this.is_used;
  }

  /** Still there as far as can be known. */
  get is_usable(): boolean {
    return !this.is_gone && this.socket.writable;
  }

  get phase(): Phase {
    return this.reader.is_in_body ? 'body' : 'headers';
  }

  /** Sends the request of `exchange`. Only after `onFree`. */
  begin(exchange: Exchange): void {
    const { head, body } = exchange.request;
    this.exchange = exchange;
    exchange.place = this;
    exchange.startClock();
    this.reader.begin({ has_no_body: head.startsWith('HEAD '), keep_bytes: exchange.request.answer_bytes });
    if (body === null) {
      this.socket.write(`${head}\r\n`, 'latin1');
      return;
    }
    const length = Buffer.byteLength(body);
    const start = `${head}content-length: ${length}\r\n\r\n`;
    // One write either way. The head is Latin-1, the body UTF-8, and mostly both are ASCII.
    if (length === body.length) this.socket.write(start + body, 'latin1');
    else this.socket.write(Buffer.concat([Buffer.from(start, 'latin1'), Buffer.from(body)]));
  }

  withdraw(exchange: Exchange): void {
    if (this.exchange === exchange) this.close();
  }

  close(): void {
    this.end(null);
  }

  private onOpen(): void {
    this.endConnectTimer();
    if (this.is_gone) return;
    this.is_open = true;
    this.owner.onFree(this, null);
  }

  private onBytes(bytes: Buffer, length: number): void {
    const { exchange, reader } = this;
    // Nobody asked: a complaint before the close, or the rest of a lie.
    if (exchange === null) {
      this.close();
      return;
    }
    try {
      if (reader.read(bytes, length)) this.complete(exchange);
    } catch (error) {
      const answer = error instanceof AnswerFault ? reader.answerDespite(error) : null;
      if (answer === null) {
        this.end(error as Error);
        return;
      }
      // The status says what the destination has made of the request. Asked again it would only do it again.
      this.exchange = null;
      this.close();
      exchange.succeed(answer);
    }
  }

  private onEnd(): void {
    if (this.exchange !== null && this.reader.end()) this.complete(this.exchange);
    else this.end(new ConnectionError('closed by the other side', 'CLOSED'));
  }

  private complete(exchange: Exchange): void {
    const { answer } = this.reader;
    this.exchange = null;
    this.is_used = true;
    // An answer to half a request: the rest of it is still on its way.
    if (this.reader.may_be_reused && this.socket.writableLength === 0 && this.is_usable) {
      this.owner.onFree(this, this.reader.keep_alive_s);
    } else {
      this.close();
    }
    exchange.succeed(answer);
  }

  private end(error: Error | null): void {
    if (this.is_gone) return;
    this.is_gone = true;
    this.endConnectTimer();
    const { exchange } = this;
    this.exchange = null;
    this.socket.destroy();
    this.owner.onGone(this, this.is_open ? null : error);
    if (exchange === null || error === null) return;
    if (this.is_used && !this.reader.has_begun && !exchange.was_repeated) {
      exchange.was_repeated = true;
      this.owner.onRepeat(exchange);
      return;
    }
    exchange.fail(transportFault(error, exchange.phase));
  }
}
