import { AnswerFault } from './answer-head';
import { AnswerReader } from './answer-reader';

/** Reads `text` in pieces of that many bytes; the answer, or null when more must come. */
function read(text: string, options: { piece?: number; isHead?: boolean; isClosed?: boolean } = {}) {
  const { piece = Number.POSITIVE_INFINITY, isHead = false, isClosed = false } = options;
  const reader = new AnswerReader();
  reader.begin({ has_no_body: isHead });
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += piece) {
    const part = bytes.subarray(at, Math.min(bytes.length, at + piece));
    if (reader.read(part, part.length)) return finished(reader);
  }
  return isClosed && reader.end() ? finished(reader) : null;
}

function finished(reader: AnswerReader) {
  const { status, body_latin1, headers } = reader.answer;
  return { status, body: body_latin1, headers: Object.fromEntries(headers), reused: reader.may_be_reused };
}

const chunked = (rest: string) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${rest}`;

describe('an answer', () => {
  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello', 200, 'hello', true],
    ['with an empty body', 'HTTP/1.1 202 Accepted\r\ncontent-length:0\r\n\r\n', 202, '', true],
    ['without a reason', 'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n', 200, '', true],
    ['in chunks', chunked('4\r\nwiki\r\n5;x="y"\r\npedia\r\n0\r\n\r\n'), 200, 'wikipedia', true],
    ['in chunks with trailers', chunked('A\r\n0123456789\r\n000\r\nX-Sum: 1\r\nX-B:\r\n\r\n'), 200, '0123456789', true],
    ['in chunks with zeros in front', chunked('0000000004\r\nwiki\r\n00000000000\r\n\r\n'), 200, 'wiki', true],
    ['with a folded header', 'HTTP/1.1 200 OK\r\nx: a \r\n\t b\r\ncontent-length:\r\n 2\r\n\r\nhi', 200, 'hi', true],
    ['without content', 'HTTP/1.1 204 No Content\r\n\r\n', 204, '', true],
    [
      'not modified, with the length of what it stands for',
      'HTTP/1.1 304 X\r\ncontent-length: 9\r\n\r\n',
      304,
      '',
      true,
    ],
    ['that ends the connection', 'HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 1\r\n\r\na', 200, 'a', false],
    [
      'that ends the connection, said among others',
      'HTTP/1.1 200 OK\r\nConnection: x, close\r\ncontent-length: 1\r\n\r\na',
      200,
      'a',
      false,
    ],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na', 200, 'a', false],
    [
      'of HTTP/1.0 that keeps the connection',
      'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\na',
      200,
      'a',
      true,
    ],
    [
      'after interim ones',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na',
      200,
      'a',
      true,
    ],
    [
      'after an interim one that ends the connection',
      'HTTP/1.1 100 Continue\r\nconnection: close\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na',
      200,
      'a',
      false,
    ],
    ['beyond ASCII', 'HTTP/1.1 500 \xe9\r\nx: \xff\r\ncontent-length: 2\r\n\r\n\xc3\xab', 500, '\xc3\xab', true],
  ])('%s is read, however it is cut', (_what, text, status, body, reused) => {
    for (const piece of [1, 2, 3, 7, 1_000]) {
      expect(read(text, { piece })).toMatchObject({ status, body, reused });
    }
    // And not a byte too early.
    expect(read(text.slice(0, -1), { isClosed: true })).toBeNull();
  });

  it('has headers by name, of several the first, without the blanks around them', () => {
    const text = 'HTTP/1.1 429 X\r\nRetry-After: \t7 \r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n';
    expect(read(text)?.headers).toEqual({ 'retry-after': '7', 'content-length': '0' });
  });

  it('without a length ends with the connection', () => {
    const text = 'HTTP/1.1 200 OK\r\n\r\nsome';
    expect(read(text)).toBeNull();
    expect(read(text, { isClosed: true })).toMatchObject({ body: 'some', reused: false });
  });

  it('to a HEAD has no body, whatever it says', () => {
    expect(read('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n', { isHead: true })).toMatchObject({ reused: true });
    expect(read(chunked(''), { isHead: true })).toMatchObject({ status: 200, reused: true });
  });

  it('is read up to 64 kB, and the connection is not used again', () => {
    const exactly = `HTTP/1.1 200 OK\r\ncontent-length: 65536\r\n\r\n${'x'.repeat(65_536)}`;
    expect(read(exactly)).toMatchObject({ reused: true, body: 'x'.repeat(16_384) });
    const longer = `HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n${'x'.repeat(65_537)}`;
    expect(read(longer, { piece: 1_460 })).toMatchObject({ reused: false });
    const chunks = chunked('1000\r\n'.concat('x'.repeat(4_096), '\r\n').repeat(17));
    expect(read(chunks, { piece: 1_460 })).toMatchObject({ reused: false });
  });

  it('with something behind it counts, and the connection is not used again', () => {
    const text = 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na';
    expect(read(`${text}HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n`)).toMatchObject({ status: 200, reused: false });
  });

  it('says for how long an idle connection is kept', () => {
    const reader = new AnswerReader();
    const keepAlive = (value: string) => {
      const bytes = Buffer.from(`HTTP/1.1 204 X\r\nkeep-alive: ${value}\r\n\r\n`);
      reader.begin({ has_no_body: false });
      reader.read(bytes, bytes.length);
      return reader.keep_alive_s;
    };
    expect(['timeout=5', 'max=100, timeout=72', 'timeout=x', 'xtimeout=5', 'timeout=5s'].map(keepAlive)).toEqual([
      5,
      72,
      null,
      null,
      null,
    ]);
  });
});

describe('what is refused', () => {
  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['another version', 'HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 0200 OK\r\n\r\n'],
    ['a blank line first', '\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['chunks and a length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\n'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n'],
    ['a length with a no-break space', 'HTTP/1.1 200 OK\r\ncontent-length: 5\xa0\r\n\r\n'],
    ['a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
    ['a length in hexadecimal', 'HTTP/1.1 200 OK\r\ncontent-length: 0x5\r\n\r\n'],
    ['a length that no number holds', 'HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n'],
    ['another transfer coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'],
    ['chunked twice', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['a folded line before any header', 'HTTP/1.1 200 OK\r\n x: a\r\ncontent-length : 0\r\n\r\n'],
    ['a length that is folded into two', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n 0\r\n\r\n'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 5\r\n\r\n'],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\ncontent-length\r\n\r\n'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: 5\r\n\r\n'],
    ['a bare LF in a header', 'HTTP/1.1 200 OK\r\nx: a\ncontent-length: 5\r\n\r\n'],
    ['a bare CR in a header', 'HTTP/1.1 200 OK\r\nx: a\rcontent-length: 5\r\n\r\n'],
    ['a NUL in a header', 'HTTP/1.1 200 OK\r\nx: a\0\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'],
    ['a chunk without a size', chunked('\r\nab\r\n')],
    ['a chunk with a bad size', chunked('0x2\r\nab\r\n')],
    ['a chunk with a negative size', chunked('-2\r\nab\r\n')],
    ['a chunk of more than 4 GB', chunked('100000000\r\nab\r\n')],
    ['a size with a blank before it', chunked(' 2\r\nab\r\n')],
    ['a size ended by a bare LF', chunked('2\nab\r\n0\r\n\r\n')],
    ['a chunk longer than its size', chunked('2\r\nabc\r\n0\r\n\r\n')],
    ['a trailer that is no header', chunked('0\r\nno colon\r\n\r\n')],
    ['an endless line of a chunk', chunked(`1;${'x'.repeat(2_000)}`)],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`],
    ['endless interim answers', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(1_000)],
    ['endless trailers', chunked(`0\r\n${'x: y\r\n'.repeat(10_000)}`)],
  ])('%s', (_what, text) => {
    for (const piece of [1, 5, 100_000]) expect(() => read(text, { piece })).toThrow(AnswerFault);
  });
});

describe('what is no answer in HTTP/1.1 is named as soon as it begins', () => {
  it.each([
    ['TLS', '\x15\x03\x01\x00\x02\x02\x50', /speaks TLS/],
    ['HTTP/2', '\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03', /HTTP\/2/],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', /begins with "SSH-2\.0/],
    ['lines that end with LF', 'HTTP/1.1 200 OK\ncontent-length: 0\n', /LF alone/],
    ['lines of which one ends with LF', 'HTTP/1.1 200 OK\r\nx: y\n', /LF alone/],
  ])('%s', (_what, text, reason) => {
    expect(() => read(text)).toThrow(AnswerFault);
    expect(() => read(text)).toThrow(reason);
    expect(() => read(text, { piece: 1 })).toThrow(AnswerFault);
  });
});
