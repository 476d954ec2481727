export const REDACTED = '[redacted]';

/**
 * Secrets that give themselves away by their surroundings. Each expression is bounded, or starts at a rare mark, so that a
 * hostile text costs linear time.
 */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // scheme://user:password@host
  [/(:\/\/[^\s/@:"'<>]{0,256}:)[^\s"'<>/]{1,1024}@/g, `$1${REDACTED}@`],
  // ?token=… in a URL
  [
    /([?&][A-Za-z_.-]{0,40}(?:password|passwd|secret|token|api_?key|signature|sslkey)=)[^&#\s"'<>]{1,4096}/gi,
    `$1${REDACTED}`,
  ],
  // Authorization header values
  [/\b(Bearer|Basic)(\s+)[A-Za-z0-9+/=._~-]{6,4096}/gi, `$1$2${REDACTED}`],
  // JSON inside a text
  [
    /("[A-Za-z_.-]{0,40}(?:password|passphrase|secret|token|api_?key|client_?key|private_?key|authorization|cookie)"\s{0,8}:\s{0,8})"(?:[^"\\]|\\.)*"/gi,
    `$1"${REDACTED}"`,
  ],
  // A key that is cut off before its end is a secret too.
  [
    /-----BEGIN ([A-Z ]{0,40})PRIVATE KEY-----(?:[^-]|-(?!----)){0,65536}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g,
    `-----BEGIN $1PRIVATE KEY----- ${REDACTED}`,
  ],
];

export function redactPatterns(text: string): string {
  let redacted = text;
  for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement);
  return redacted;
}
