/** One server-sent event. */
export interface StreamEvent {
  event: string;
  data: string;
}

/** Splits a text/event-stream into events as its pieces come in (HTML Living Standard, 9.2.6). */
export function createEventParser(onEvent: (event: StreamEvent) => void): (chunk: string) => void {
  let rest = '';
  let event = '';
  let data: string[] = [];
  return (chunk) => {
    rest += chunk;
    let end = rest.search(/\r\n|\n|\r/);
    while (end !== -1) {
      // A lone CR at the end may be the first half of CRLF: wait for what follows.
      if (rest[end] === '\r' && end === rest.length - 1) return;
      const line = rest.slice(0, end);
      rest = rest.slice(end + (rest.startsWith('\r\n', end) ? 2 : 1));
      if (line === '') {
        if (data.length > 0) onEvent({ event: event || 'message', data: data.join('\n') });
        event = '';
        data = [];
      } else if (!line.startsWith(':')) {
        const colon = line.indexOf(':');
        const field = colon === -1 ? line : line.slice(0, colon);
        const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'event') event = value;
        if (field === 'data') data.push(value);
      }
      end = rest.search(/\r\n|\n|\r/);
    }
  };
}

/** Reads a response that streams events until it ends. */
export async function readEvents(response: Response, onEvent: (event: StreamEvent) => void): Promise<void> {
  if (!response.body) return;
  const parse = createEventParser(onEvent);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parse(value);
  }
  parse('\n\n');
}
