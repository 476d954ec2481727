/** A JSON text indented, every token as it came: `JSON.stringify` would round long numbers and drop repeated keys. */
export function indentJson(text: string): string | null {
  try {
    JSON.parse(text);
  } catch {
    // Not JSON: there is nothing to indent.
    return null;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let indented = '';
  let depth = 0;
  const line = () => `\n${'  '.repeat(depth)}`;
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    switch (token) {
      case '{':
      case '[':
        depth += 1;
        indented += token;
        if (next !== '}' && next !== ']') indented += line();
        break;
      case '}':
      case ']': {
        depth -= 1;
        const previous = tokens[index - 1];
        indented += previous === '{' || previous === '[' ? token : line() + token;
        break;
      }
      case ',':
        indented += token + line();
        break;
      case ':':
        indented += ': ';
        break;
      default:
        indented += token;
    }
  });
  return indented;
}

const BYTES_A_LINE = 16;

/** Bytes as `offset  hex  characters`, sixteen a line. */
export function hexLines(bytes: Uint8Array, limit: number): string {
  const lines: string[] = [];
  for (let offset = 0; offset < Math.min(bytes.length, limit); offset += BYTES_A_LINE) {
    const part = [...bytes.slice(offset, Math.min(offset + BYTES_A_LINE, limit))];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const characters = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${offset.toString(16).padStart(6, '0')}  ${hex.padEnd(BYTES_A_LINE * 3 - 1)}  ${characters}`);
  }
  return lines.join('\n');
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

export function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);
}
