import { createServer, type Server, type Socket } from 'node:net';
import { now_ms, serveWorker } from './worker';

const HEADER_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
/** Payloads carry the time of their publication in microseconds under this name. */
const SENT_AT = Buffer.from('"sent_us":');

let delay_ms = 0;
let received = 0;
let first_ms = 0;
let last_ms = 0;
let latencies_ms: number[] = [];
let waiting: { count: number; resolve: () => void } | null = null;
let server: Server | null = null;

function onRequest(body: Buffer, socket: Socket): void {
  const at_ms = now_ms();
  if (received === 0) first_ms = at_ms;
  received += 1;
  last_ms = at_ms;
  const sent = body.indexOf(SENT_AT);
  if (sent !== -1) latencies_ms.push(at_ms - readNumber(body, sent + SENT_AT.length) / 1_000);
  if (delay_ms === 0) socket.write(ANSWER);
  else setTimeout(() => socket.write(ANSWER), delay_ms);
  if (waiting && received >= waiting.count) {
    waiting.resolve();
    waiting = null;
  }
}

function readNumber(bytes: Buffer, from: number): number {
  let value = 0;
  for (let at = from; at < bytes.length; at += 1) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}

/** As little of HTTP/1.1 as senders with a content-length need: the receiver must never be what is measured. */
function onConnection(socket: Socket): void {
  let rest: Buffer | null = null;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let bytes = rest === null ? chunk : Buffer.concat([rest, chunk]);
    rest = null;
    while (bytes.length > 0) {
      const end = bytes.indexOf(HEADER_END);
      const length = end === -1 ? null : Number(LENGTH.exec(bytes.toString('latin1', 0, end))?.[1] ?? 0);
      if (length === null || bytes.length < end + 4 + length) {
        rest = bytes;
        return;
      }
      onRequest(bytes.subarray(end + 4, end + 4 + length), socket);
      bytes = bytes.subarray(end + 4 + length);
    }
  });
}

const methods = {
  listen: (_none: null): Promise<number> =>
    new Promise((resolve) => {
      server = createServer(onConnection).listen(0, '127.0.0.1', () => {
        const address = server?.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    }),
  /** Counts from nothing; answers come after `delay_ms`. */
  reset: (options: { delay_ms: number }): void => {
    delay_ms = options.delay_ms;
    received = 0;
    latencies_ms = [];
  },
  /** Resolves when that many requests have come since `reset`, or at the time limit with what has come. */
  expect: ({ count, timeout_ms }: { count: number; timeout_ms: number }) =>
    new Promise<void>((resolve) => {
      if (received >= count) resolve();
      else {
        const timer = setTimeout(resolve, timeout_ms);
        waiting = {
          count,
          resolve: () => {
            clearTimeout(timer);
            resolve();
          },
        };
      }
    }).then(() => ({ received, first_ms, last_ms })),
  /** Milliseconds from publication to the request's arrival. */
  latencies: (_none: null): number[] => latencies_ms,
};

export type HttpSinkMethods = typeof methods;

if (require.main === module) serveWorker(methods);
