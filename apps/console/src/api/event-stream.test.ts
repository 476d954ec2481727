import { createEventParser, type StreamEvent } from './event-stream';

function parseAll(...chunks: string[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parse = createEventParser((event) => events.push(event));
  for (const chunk of chunks) parse(chunk);
  return events;
}

describe('reading server-sent events', () => {
  it('hands over an event once its empty line has come', () => {
    expect(parseAll('event: stage\ndata: {"a":', '1}\n')).toEqual([]);
    expect(parseAll('event: stage\ndata: {"a":', '1}\n', '\n')).toEqual([{ event: 'stage', data: '{"a":1}' }]);
  });

  it('joins several data lines and leaves comments out', () => {
    expect(parseAll(': keep-alive\n\ndata: one\ndata: two\n\n')).toEqual([{ event: 'message', data: 'one\ntwo' }]);
  });

  it('understands CRLF that is cut in two', () => {
    expect(parseAll('data: a\r', '\n\r', '\ndata: b\r\n\r\n')).toEqual([
      { event: 'message', data: 'a' },
      { event: 'message', data: 'b' },
    ]);
  });
});
