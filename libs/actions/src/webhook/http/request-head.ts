import { ActionFault } from '../../action-fault';
import { FIELD_NAME, FIELD_VALUE } from './field-syntax';

/**
 * Request line and headers as they are sent (RFC 9112, 3 and 5), `headers` name and value in turn. The connection's own
 * headers are added here. Throws a permanent ActionFault for a header that can't be sent.
 */
export function requestHead(input: { method: string; url: URL; headers: readonly string[] }): string {
  const { method, url, headers } = input;
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\nconnection: keep-alive\r\n${headerLines(headers)}`;
}

/** Lines of the headers, name and value in turn. */
export function headerLines(headers: readonly string[]): string {
  let lines = '';
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    const value = headers[at + 1] as string;
    if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) {
      throw new ActionFault(`the header "${name}" can not be sent: a control character, or one beyond Latin-1`, {
        permanent: true,
        detail: { code: 'INVALID_HEADER' },
      });
    }
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
