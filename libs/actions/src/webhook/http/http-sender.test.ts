import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import { createTestCertificates, startHttpReceiver, waitFor } from '@cortex-mqtt/testing';
import type { ActionFault } from '../../action-fault';
import { createHttpSender, type HttpSender } from './http-sender';
import { requestHead } from './request-head';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** A server that sees bytes and answers with bytes. */
interface RawServer {
  origin: string;
  sockets: Socket[];
  /** What each connection has sent. */
  received: string[];
  stop(): Promise<void>;
}

let server: RawServer;
let sender: HttpSender;

async function serve(onRequest: (socket: Socket, count: number) => void): Promise<void> {
  const sockets: Socket[] = [];
  const received: string[] = [];
  let count = 0;
  const listening: Server = createServer({ allowHalfOpen: true }, (socket) => {
    const index = sockets.push(socket) - 1;
    received[index] = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      received[index] += bytes.toString('latin1');
      if (!/\r\n\r\n/.test(bytes.toString('latin1'))) return;
      count += 1;
      onRequest(socket, count);
    });
  });
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  server = {
    origin: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    sockets,
    received,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      listening.close();
      await once(listening, 'close');
    },
  };
}

function send(options: { body?: string | null; timeout_ms?: number; headers?: string[]; method?: string } = {}) {
  const { body = '{}', timeout_ms = 10_000, headers = [], method = 'POST' } = options;
  const head = requestHead({ method, url: new URL(`${server.origin}/hook?a=1`), headers });
  return sender.send({ origin: server.origin, head, body, tls: null, timeout_ms }, {});
}

const faultOf = (sent: Promise<unknown>): Promise<ActionFault> =>
  sent.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: ActionFault) => error,
  );

beforeEach(() => {
  sender = createHttpSender({ egress: createEgressPolicy({ allow: ['loopback'] }), connections: 2 });
});

afterEach(async () => {
  await sender.close();
  await server?.stop();
});

describe('a request', () => {
  it('is sent as one text with its length in bytes', async () => {
    await serve((socket) => socket.write(OK));
    await send({ body: '{"name":"Zoë"}', headers: ['x-city', 'K\xf6ln'] });
    expect(server.received[0]).toBe(
      `POST /hook?a=1 HTTP/1.1\r\nhost: ${server.origin.slice(7)}\r\nconnection: keep-alive\r\nx-city: K\xf6ln\r\ncontent-length: 15\r\n\r\n${Buffer.from('{"name":"Zoë"}').toString('latin1')}`,
    );
  });

  it('without a body has no length', async () => {
    await serve((socket) => socket.write(OK));
    await send({ method: 'GET', body: null });
    expect(server.received[0]).toMatch(/^GET .*keep-alive\r\n\r\n$/s);
  });

  it('is refused with a header that would end early', () => {
    for (const value of ['a\r\nx: y', 'a\nb', 'a\0', '€']) {
      expect(() => requestHead({ method: 'POST', url: new URL('http://a/'), headers: ['x', value] })).toThrow(
        /header "x"/,
      );
    }
    expect(() => requestHead({ method: 'POST', url: new URL('http://a/'), headers: ['x: y\r\nz', ''] })).toThrow();
  });

  it('waits for a connection when all are in use, and is sent in order', async () => {
    const held: Socket[] = [];
    await serve((socket) => void held.push(socket));
    const sent = ['a', 'b', 'c', 'd'].map((body) => send({ body }));
    await waitFor(() => held.length === 2);
    expect(server.sockets).toHaveLength(2);
    held[0]?.write(OK);
    await waitFor(() => held.length === 3);
    held[1]?.write(OK);
    held[2]?.write(OK);
    await waitFor(() => held.length === 4);
    held[3]?.write(OK);
    await Promise.all(sent);
    expect(server.sockets).toHaveLength(2);
    expect(
      server.received
        .join('')
        .match(/\r\n\r\n[a-d]/g)
        ?.sort(),
    ).toEqual(['a', 'b', 'c', 'd'].map((c) => `\r\n\r\n${c}`));
  });

  it('that waits for a connection of ours has all its time once it has one', async () => {
    const held: Socket[] = [];
    await serve((socket) => void held.push(socket));
    const busy = [send({ body: 'a' }), send({ body: 'b' })];
    await waitFor(() => held.length === 2);
    const begun_ms = performance.now();
    let is_settled = false;
    const late = faultOf(send({ body: 'late', timeout_ms: 200 })).finally(() => {
      is_settled = true;
    });
    await waitFor(() => performance.now() - begun_ms > 400);
    expect(is_settled).toBe(false);
    expect(sender.waiting).toBe(1);
    held[0]?.write(OK);
    await waitFor(() => held.length === 3);
    const sent_ms = performance.now();
    // Now it is the destination that is slow.
    expect(await late).toMatchObject({ permanent: false, detail: { code: 'TIMEOUT', phase: 'headers' } });
    expect(performance.now() - sent_ms).toBeGreaterThan(150);
    held[1]?.write(OK);
    await Promise.all(busy);
    expect(sender.waiting).toBe(0);
  });

  it('that waits for a connection of ours ends when the attempt is stopped', async () => {
    await serve(() => undefined);
    const busy = [faultOf(send()), faultOf(send())];
    await waitFor(() => server.received.filter((text) => text !== '').length === 2);
    const stopping = new AbortController();
    const head = requestHead({ method: 'POST', url: new URL(server.origin), headers: [] });
    const request = { origin: server.origin, head, body: null, tls: null, timeout_ms: 60_000 };
    const waiting = faultOf(sender.send(request, { signal: stopping.signal }));
    stopping.abort();
    expect(await waiting).toMatchObject({ detail: { code: 'ABORTED' } });
    await sender.close();
    await Promise.all(busy);
  });

  it('is not timed out for a time in which we stood still ourselves', async () => {
    await serve((socket) => void setImmediate(() => socket.write(OK)));
    await send();
    const sent = send({ timeout_ms: 300 });
    // Written, and then nothing of ours runs for longer than the destination has.
    await new Promise((resolve) => setImmediate(resolve));
    const until_ms = performance.now() + 900;
    while (performance.now() < until_ms);
    expect(await sent).toMatchObject({ status: 200 });
  });
});

describe('a connection', () => {
  it('is used again after an answer that was complete', async () => {
    await serve((socket) => socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'));
    for (let n = 0; n < 5; n += 1) await send();
    expect(server.sockets).toHaveLength(1);
  });

  it.each([
    ['that says so', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n'],
    ['with something behind it', `${OK}HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n`],
    ['that keeps it no longer', 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 0\r\n\r\n'],
  ])('is not used again after an answer %s', async (_what, answer) => {
    await serve((socket) => socket.write(answer));
    expect(await send()).toMatchObject({ status: 200 });
    expect(await send()).toMatchObject({ status: 200 });
    expect(server.sockets).toHaveLength(2);
  });

  it('that gets bytes nobody asked for is ended: they are never the next answer', async () => {
    await serve((socket, count) => socket.write(count === 1 ? OK : 'HTTP/1.1 201 X\r\ncontent-length: 0\r\n\r\n'));
    await send();
    const first = server.sockets[0] as Socket;
    const ended = once(first, 'end');
    first.write('HTTP/1.1 500 smuggled\r\ncontent-length: 0\r\n\r\n');
    await ended;
    expect(await send()).toMatchObject({ status: 201 });
    expect(server.sockets).toHaveLength(2);
  });

  it('that the destination has half closed carries no further request', async () => {
    await serve((socket) => socket.write(OK));
    await send();
    const first = server.sockets[0] as Socket;
    const ended = once(first, 'end');
    first.end();
    await ended;
    await send({ body: 'second' });
    expect(server.received[0]).not.toContain('second');
    expect(server.received[1]).toContain('second');
  });

  it('whose destination answers before it has all of the request is not used again', async () => {
    await serve((socket) => {
      socket.pause();
      socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
    });
    expect(await send({ body: 'x'.repeat(8_000_000) })).toMatchObject({ status: 413 });
    await send({ body: 'next' });
    expect(server.sockets).toHaveLength(2);
  });

  it('that is cut by the reading limit is ended', async () => {
    await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n');
      socket.write('x'.repeat(100_000));
    });
    expect(await send()).toMatchObject({ status: 200 });
    const first = server.sockets[0] as Socket;
    await waitFor(() => first.destroyed || first.readableEnded);
  });
});

describe('a destination that', () => {
  it.each([
    ['closes without a word', '', 'CLOSED', 'headers'],
    ['closes within the headers', 'HTTP/1.1 200 OK\r\ncontent-le', 'CLOSED', 'headers'],
    ['closes within the body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', 'CLOSED', 'body'],
    ['closes between chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n', 'CLOSED', 'body'],
    ['does not speak HTTP', 'SSH-2.0-x\r\n\r\n', 'BAD_ANSWER', 'headers'],
    ['garbles even its status', 'HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n', 'BAD_ANSWER', 'headers'],
    ['speaks TLS', '\x15\x03\x03\x00\x02\x02\x50', 'BAD_ANSWER', 'headers'],
  ])('%s fails the attempt, once', async (_what, answer, code, phase) => {
    await serve((socket) => socket.end(answer));
    expect(await faultOf(send())).toMatchObject({ permanent: false, detail: { code, phase } });
    // Whether it has acted on the request can't be known: the client itself never sends it again.
    expect(server.sockets).toHaveLength(1);
    expect(server.received[0]?.match(/POST/g)).toHaveLength(1);
  });

  it.each([
    ['says two lengths', 'content-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    ['garbles a header', 'no colon\r\n\r\n'],
    ['garbles a chunk', 'transfer-encoding: chunked\r\n\r\nzz\r\n'],
    ['ends its lines with LF', 'content-length: 0\n\n'],
  ])('%s has told its status all the same: it is not asked again', async (_what, rest) => {
    const line_end = rest.endsWith('\n\n') && !rest.includes('\r') ? '\n' : '\r\n';
    await serve((socket, count) => socket.end(`HTTP/1.1 ${count === 1 ? 201 : 503} X${line_end}${rest}`));
    expect(await send()).toMatchObject({ status: 201, unreadable: expect.any(String) });
    expect(await send()).toMatchObject({ status: 503, unreadable: expect.any(String) });
    expect(server.sockets).toHaveLength(2);
  });

  it('closes a kept connection as the next request comes gets it once more, on a new one', async () => {
    await serve((socket, count) => {
      if (count === 2) socket.resetAndDestroy();
      else socket.write(OK);
    });
    expect(await send()).toMatchObject({ status: 200 });
    expect(await send({ body: 'again' })).toMatchObject({ status: 200 });
    expect(server.sockets).toHaveLength(2);
    expect(server.received.map((text) => text.match(/again/g)?.length)).toEqual([1, 1]);
  });

  it('breaks the new connection too, or has begun to answer, fails the attempt', async () => {
    await serve((socket, count) => {
      if (count === 1) socket.write(OK);
      else socket.resetAndDestroy();
    });
    await send();
    expect(await faultOf(send())).toMatchObject({ permanent: false, detail: { code: 'ECONNRESET' } });
    expect(server.sockets).toHaveLength(2);
    await server.stop();
    await serve((socket, count) => (count === 1 ? void socket.write(OK) : void socket.end('HTTP/1.1 2')));
    await send();
    expect(await faultOf(send())).toMatchObject({ detail: { code: 'CLOSED' } });
    expect(server.sockets).toHaveLength(1);
  });

  it('does not speak TLS is not said to have a bad certificate', async () => {
    const head = requestHead({ method: 'POST', url: new URL('https://127.0.0.1/'), headers: [] });
    const plain = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const to = `https://127.0.0.1:${(plain.address() as AddressInfo).port}`;
    const fault = await faultOf(sender.send({ origin: to, head, body: null, tls: null, timeout_ms: 5_000 }, {}));
    expect(fault.message).toMatch(/does not speak TLS/);
    expect(fault.message).not.toMatch(/certificate/);
    plain.close();
  });

  it('resets the connection fails the attempt', async () => {
    await serve((socket) => socket.resetAndDestroy());
    expect(await faultOf(send())).toMatchObject({ permanent: false, detail: { code: 'ECONNRESET', phase: 'headers' } });
  });

  it('answers a byte at a time is waited for until the time is over, and then left', async () => {
    const timers: NodeJS.Timeout[] = [];
    await serve((socket) => void timers.push(setInterval(() => socket.write('H'), 5)));
    try {
      expect(await faultOf(send({ timeout_ms: 100 }))).toMatchObject({ detail: { phase: 'headers' } });
      const first = server.sockets[0] as Socket;
      await waitFor(() => first.destroyed || first.readableEnded);
    } finally {
      for (const timer of timers) clearInterval(timer);
    }
  });

  it('refuses connections fails each attempt that waits for one', async () => {
    await serve((socket) => socket.write(OK));
    await server.stop();
    const faults = await Promise.all(Array.from({ length: 10 }, () => faultOf(send())));
    expect(faults.map(({ detail }) => detail.code)).toEqual(Array(10).fill('ECONNREFUSED'));
  });
});

describe('when it is closed', () => {
  it('what is under way ends, what waits is never sent, and no connection is left', async () => {
    await serve(() => undefined);
    const faults = ['a', 'b', 'c', 'd'].map((body) => faultOf(send({ body })));
    await waitFor(() => server.received.filter((text) => text !== '').length === 2);
    await sender.close();
    for (const fault of await Promise.all(faults)) expect(fault).toMatchObject({ detail: { code: 'ABORTED' } });
    await waitFor(() => server.sockets.every((socket) => socket.readableEnded || socket.destroyed));
    expect(server.received.join('').match(/POST/g)).toHaveLength(2);
  });
});

describe('over TLS', () => {
  it('reaches a name, with more than one address, by its certificate', async () => {
    const { ca, server: identity } = await createTestCertificates();
    const receiver = await startHttpReceiver({ tls: { cert: identity.cert, key: identity.key } });
    const url = new URL(receiver.url.replace('127.0.0.1', 'localhost'));
    try {
      const head = requestHead({ method: 'POST', url, headers: [] });
      const request = { origin: url.origin, head, body: 'x'.repeat(50_000), timeout_ms: 10_000 };
      const tls = { ca: ca.cert, cert: null, key: null, passphrase: null };
      for (let n = 0; n < 3; n += 1) expect(await sender.send({ ...request, tls }, {})).toMatchObject({ status: 200 });
      expect(receiver.connections()).toBe(1);
      const untrusted = await faultOf(sender.send({ ...request, tls: null }, {}));
      expect(untrusted.message).toContain('the certificate was not accepted');
    } finally {
      await receiver.stop();
    }
  });
});
