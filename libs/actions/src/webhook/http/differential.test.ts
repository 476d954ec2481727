import { once } from 'node:events';
import { request as nodeRequest } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import { createHttpSender, type HttpSender } from './http-sender';
import { requestHead } from './request-head';

/** Seeded, so that a failure can be looked at again: mulberry32. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

/** Why we and another reader may differ. Everything not listed is a fault of ours. */
type Reason =
  /** A head that is malformed behind a readable status: the status counts, the others refuse. */
  | 'status-counts'
  /** A folded header becomes one line (RFC 9112, 5.2). Node refuses it, which the RFC does not provide for. */
  | 'folded'
  /** `fetch` refuses an interim 100 that it has not asked for. Any client must be ready for one (RFC 9110, 15.2). */
  | 'continue';

interface GeneratedAnswer {
  text: string;
  reason: Reason | null;
}

const BODIES = ['', 'a', 'hello', '{"ok":true}', 'x'.repeat(3_000), '\xc3\xa9'];
const STATUSES = [
  '200 OK',
  '201 Created',
  '202',
  '204 No Content',
  '304 Not Modified',
  '400 Bad',
  '404 ',
  '500 \xe9',
  '599 X',
];

function generate(dice: (sides: number) => number): GeneratedAnswer {
  const pick = <T>(choices: readonly T[]): T => choices[dice(choices.length)] as T;
  const status = pick(STATUSES);
  const body = pick(BODIES);
  const has_no_body = /^(?:204|304)/.test(status);
  let reason: Reason | null = null;
  const lines: string[] = [];
  for (let n = dice(4); n > 0; n -= 1) {
    lines.push(
      pick([
        'X-A: b',
        'x-empty:',
        'X-Blank: \t v \t',
        'Server: a/1 (b; c)',
        'x-long: '.concat('y'.repeat(500)),
        'X-\xe9rr: 1'.slice(0, 2).concat(': ok'),
        'x-latin: \xff\xe9',
      ]),
    );
  }
  if (dice(12) === 0) {
    lines.push('X-Folded: one\r\n two\r\n\tthree');
    reason = 'folded';
  }
  if (dice(12) === 0) {
    lines.push(pick(['no colon', 'Bad Name: x', 'blank : x', 'x: \x00']));
    reason = 'status-counts';
  }
  const interim =
    dice(5) === 0 ? pick(['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n']) : '';
  if (interim.includes('100')) reason ??= 'continue';
  const head = (more: string[]) =>
    `${interim}HTTP/1.1 ${status}\r\n${[...lines, ...more].map((line) => `${line}\r\n`).join('')}\r\n`;
  if (has_no_body) return { text: head(dice(2) === 0 ? [] : ['X-B: c']), reason };
  switch (dice(8)) {
    case 0:
    case 1:
      return { text: head([`Content-Length: ${body.length}`]) + body, reason };
    case 2:
    case 3: {
      const pieces = body === '' ? [] : [body.slice(0, 1), body.slice(1)].filter((piece) => piece !== '');
      const size = (piece: string) =>
        `${'0'.repeat(dice(3) * 3)}${piece.length.toString(16)}${pick(['', ';x=y', ';a="b c"'])}`;
      const trailers = pick(['', 'X-Sum: 1\r\n', 'a: b\r\nc: d\r\n']);
      const chunks = pieces.map((piece) => `${size(piece)}\r\n${piece}\r\n`).join('');
      return { text: `${head(['Transfer-Encoding: chunked'])}${chunks}0\r\n${trailers}\r\n`, reason };
    }
    case 4:
      return { text: head(['Connection: close']) + body, reason };
    case 5:
      // Cut off: everybody must notice.
      return { text: head([`Content-Length: ${body.length + 5}`]) + body, reason };
    case 6:
      return { text: `${head(['Transfer-Encoding: chunked'])}zz\r\nab\r\n`, reason: 'status-counts' };
    default:
      return {
        text:
          head(
            pick([
              ['Content-Length: 1', 'Content-Length: 2'],
              ['Content-Length: 1', 'Transfer-Encoding: chunked'],
              ['Content-Length: 1x'],
            ]),
          ) + body,
        reason: 'status-counts',
      };
  }
}

type Verdict = { status: number; body: string } | 'fault';

const ANSWERS = 240;

describe('answers as three readers see them', () => {
  const dice = createDice(20_261_128);
  const answers = Array.from({ length: ANSWERS }, () => generate(dice));
  let listening: Server;
  let origin: string;
  let sender: HttpSender;

  beforeAll(async () => {
    listening = createServer((socket) => {
      socket.on('error', () => undefined);
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        const number = /^\w+ \/(\d+) [\s\S]*\r\n\r\n/.exec(text)?.[1];
        if (number !== undefined) socket.end(Buffer.from(answers[Number(number)]?.text ?? '', 'latin1'));
      });
    });
    listening.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    origin = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    sender = createHttpSender({ egress: createEgressPolicy({ allow: ['loopback'] }), connections: 16 });
  });
  afterAll(async () => {
    await sender.close();
    listening.close();
  });

  const ours = async (number: number): Promise<Verdict> => {
    const head = requestHead({ method: 'POST', url: new URL(`${origin}/${number}`), headers: [] });
    try {
      const answer = await sender.send({ origin, head, body: null, tls: null, timeout_ms: 30_000 }, {});
      return { status: answer.status, body: answer.body_latin1 };
    } catch {
      return 'fault';
    }
  };

  const nodes = (number: number): Promise<Verdict> =>
    new Promise((resolve) => {
      const request = nodeRequest(`${origin}/${number}`, { method: 'POST', agent: false }, (response) => {
        let body = '';
        response.setEncoding('latin1').on('data', (text: string) => {
          body += text;
        });
        response.on('error', () => resolve('fault'));
        response.on('end', () => resolve(response.complete ? { status: response.statusCode ?? 0, body } : 'fault'));
      });
      request.on('error', () => resolve('fault'));
      request.end();
    });

  const fetched = async (number: number): Promise<Verdict> => {
    try {
      const response = await fetch(`${origin}/${number}`, { method: 'POST', redirect: 'manual' });
      return { status: response.status, body: Buffer.from(await response.arrayBuffer()).toString('latin1') };
    } catch {
      return 'fault';
    }
  };

  it.each([
    ['the parser of Node', nodes],
    ['fetch', fetched],
  ])('%s agrees, or there is a reason', async (_name, theirs) => {
    const differences: unknown[] = [];
    let agreed = 0;
    for (let number = 0; number < ANSWERS; number += 1) {
      const [own, other] = await Promise.all([ours(number), theirs(number)]);
      if (JSON.stringify(own) === JSON.stringify(other)) {
        agreed += 1;
        continue;
      }
      const { reason, text } = answers[number] as GeneratedAnswer;
      // Ours takes what the others refuse or repair, with the status that it says, and never the other way round.
      const is_explained = reason !== null && own !== 'fault' && own.status === statusIn(text);
      if (!is_explained) differences.push({ number, text: text.slice(0, 400), own, other });
    }
    expect(differences).toEqual([]);
    expect(agreed).toBeGreaterThan(ANSWERS / 2);
  });
});

const statusIn = (text: string): number =>
  Number([...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((found) => found[1]).find((status) => !status?.startsWith('1')));
