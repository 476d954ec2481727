import { ActionFault } from '../../action-fault';
import type { TlsIdentity } from '../../tls-identity';
import type { HttpAnswer } from './answer-reader';

export interface HttpRequest {
  /** As `URL` has it. */
  origin: string;
  /** Request line and header lines, each with its CRLF; `requestHead` makes it. The length of the body is added. */
  head: string;
  body: string | null;
  tls: TlsIdentity | null;
  timeout_ms: number;
  /** Bytes of the answer's body that are read and kept; absent: as much as is shown of one. */
  answer_bytes?: number | undefined;
}

export type Phase = 'connect' | 'headers' | 'body';

/** Where an exchange is: a queue, or a connection. */
export interface Place {
  /** What an exchange there waits for. */
  readonly phase: Phase;
  /** It has ended before its answer. */
  withdraw(exchange: Exchange): void;
}

/** One request and what comes of it. */
export class Exchange {
  place: Place | null = null;
  /** On the clock of `performance.now()`; infinite while it waits for a connection of ours to be free. */
  deadline_ms = Number.POSITIVE_INFINITY;
  /** A kept connection broke under it before anything came back. That is tried once more, on a new one. */
  was_repeated = false;
  private is_settled = false;

  constructor(
    readonly request: HttpRequest,
    readonly signal: AbortSignal | null,
    private readonly ends: {
      onAnswer(answer: HttpAnswer): void;
      onFault(fault: ActionFault): void;
      /** Either way, before. */
      onSettled(exchange: Exchange): void;
    },
  ) {}

  get phase(): Phase {
    return this.place?.phase ?? 'connect';
  }

  /** From now on the destination has `timeout_ms`. */
  startClock(): void {
    if (this.deadline_ms === Number.POSITIVE_INFINITY) this.deadline_ms = performance.now() + this.request.timeout_ms;
  }

  succeed(answer: HttpAnswer): void {
    if (this.is_settled) return;
    this.settle();
    this.ends.onAnswer(answer);
  }

  fail(fault: ActionFault): void {
    if (this.is_settled) return;
    this.settle();
    this.place?.withdraw(this);
    this.ends.onFault(fault);
  }

  timeOut(): void {
    const what = { connect: 'no connection', headers: 'no answer', body: 'no complete answer' }[this.phase];
    this.fail(this.fault(`${what} within ${this.request.timeout_ms} ms`, 'TIMEOUT'));
  }

  stop(): void {
    this.fail(this.fault('the attempt was stopped', 'ABORTED'));
  }

  private fault(message: string, code: string): ActionFault {
    return new ActionFault(message, { permanent: false, detail: { code, phase: this.phase } });
  }

  private settle(): void {
    this.is_settled = true;
    this.ends.onSettled(this);
  }
}
