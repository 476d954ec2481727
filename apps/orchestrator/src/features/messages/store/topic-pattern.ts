/**
 * A topic filter as a regular expression of PostgreSQL (MQTT 5, 4.7): `+` one level, `#` all that follow and the level
 * before. A wildcard at the beginning does not match a topic that begins with `$`.
 */
export function topicPattern(filter: string): string {
  const levels = filter.split('/');
  const hidden = /^[+#]/.test(filter) ? '(?!\\$)' : '';
  if (levels.at(-1) !== '#') return `^${hidden}${levels.map(levelPattern).join('/')}$`;
  const before = levels.slice(0, -1);
  if (before.length === 0) return `^${hidden}`;
  return `^${hidden}${before.map(levelPattern).join('/')}(/|$)`;
}

const levelPattern = (level: string): string =>
  level === '+' ? '[^/]*' : level.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
