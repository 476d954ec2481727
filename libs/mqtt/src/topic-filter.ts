/** Most bytes an MQTT string may have, its length field being two bytes (MQTT 5, 1.5.4). */
export const MAX_TOPIC_BYTES = 65_535;
/** Most levels of a filter. Brokers stop at 128 to 200, and a trie as deep as a topic may be long is an attack. */
export const MAX_FILTER_LEVELS = 128;

const SHARE_PREFIX = '$share';

/** What is wrong with a string as an MQTT string (MQTT 5, 1.5.4); null when nothing is. */
export function mqttStringFault(value: string): string | null {
  if (value.includes('\u0000')) return 'must not contain the null character';
  if (/\p{Surrogate}/u.test(value)) return 'must be valid Unicode';
  // "Should not" in 1.5.4, but the broker may close the connection on it, and Mosquitto does.
  if (/\p{Control}/u.test(value)) return 'must not contain control characters';
  const bytes = new TextEncoder().encode(value).byteLength;
  if (bytes > MAX_TOPIC_BYTES) return `must not be longer than ${MAX_TOPIC_BYTES} bytes in UTF-8 (it has ${bytes})`;
  return null;
}

/** What is wrong with one level of a filter (MQTT 5, 4.7.1); null when nothing is. `position` tells about the last level. */
export function filterLevelFault(level: string, position: { is_last: boolean }): string | null {
  if (level.includes('#')) {
    if (level !== '#') return `"#" must stand alone in its level, found "${level}"`;
    if (!position.is_last) return '"#" must be the last level';
  }
  if (level.includes('+') && level !== '+') return `"+" must stand alone in its level, found "${level}"`;
  return null;
}

/** Every fault of a topic filter as it would be sent, without `$share/…/` (MQTT 5, 4.7). Empty = valid. */
export function topicFilterFaults(filter: string): string[] {
  if (filter === '') return ['must not be empty'];
  const faults: string[] = [];
  const stringFault = mqttStringFault(filter);
  if (stringFault) faults.push(stringFault);
  if (isShared(filter)) faults.push(SHARE_BY_HAND);
  const levels = filter.split('/');
  if (levels.length > MAX_FILTER_LEVELS) faults.push(tooManyLevels(levels.length));
  for (const [index, level] of levels.entries()) {
    const fault = filterLevelFault(level, { is_last: index === levels.length - 1 });
    if (fault) faults.push(fault);
  }
  return faults;
}

export const SHARE_BY_HAND =
  '"$share" must not be written by hand; turn on shared subscriptions of the product instead';

export const tooManyLevels = (levels: number): string =>
  `must not have more than ${MAX_FILTER_LEVELS} levels (it has ${levels})`;

/** Whether a topic or filter addresses a shared subscription (MQTT 5, 4.8.2). */
export const isShared = (filter: string): boolean => filter === SHARE_PREFIX || filter.startsWith(`${SHARE_PREFIX}/`);

/** What is wrong with the name of a shared group (MQTT 5, 4.8.2: at least one character, no `/ + #`); null when nothing is. */
export function validateSharedGroup(group: string): string | null {
  if (group === '') return 'must not be empty';
  if (/[/+#]/.test(group)) return 'must not contain "/", "+" or "#"';
  return mqttStringFault(group);
}

/** The filter that is sent for a shared subscription: `$share/{group}/{filter}` (MQTT 5, 4.8.2). */
export const sharedFilter = (group: string, filter: string): string => `${SHARE_PREFIX}/${group}/${filter}`;

/** What is wrong with a topic to PUBLISH to (MQTT 5, 3.3.2.1); null when nothing is. */
export function validatePublishTopic(topic: string): string | null {
  if (topic === '') return 'must not be empty';
  if (/[+#]/.test(topic)) return 'must not contain the wildcards "+" or "#"';
  if (isShared(topic)) return '"$share" can only be subscribed to';
  return mqttStringFault(topic);
}

/**
 * Whether a topic is matched by a filter (MQTT 5, 4.7; a leading wildcard never matches a `$` topic, 4.7.2). Runs for every
 * message, so it cuts nothing apart.
 */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  let filter_at = 0;
  let topic_at = 0;
  for (;;) {
    const filter_end = endOfLevel(filter, filter_at);
    // "#" includes the level above it: "a/#" matches "a" (4.7.1.2).
    if (isLevel(filter, filter_at, filter_end, '#')) return true;
    if (topic_at > topic.length) return false;
    const topic_end = endOfLevel(topic, topic_at);
    if (!isLevel(filter, filter_at, filter_end, '+')) {
      if (filter_end - filter_at !== topic_end - topic_at) return false;
      for (let offset = 0; filter_at + offset < filter_end; offset += 1) {
        if (filter.charCodeAt(filter_at + offset) !== topic.charCodeAt(topic_at + offset)) return false;
      }
    }
    if (filter_end === filter.length) return topic_end === topic.length;
    filter_at = filter_end + 1;
    topic_at = topic_end + 1;
  }
}

function endOfLevel(text: string, from: number): number {
  const end = text.indexOf('/', from);
  return end === -1 ? text.length : end;
}

const isLevel = (text: string, from: number, end: number, wildcard: string): boolean =>
  end - from === 1 && text[from] === wildcard;

/** Whether every topic that `inner` matches is matched by `outer` too. */
export function filterCovers(outer: string, inner: string): boolean {
  const outerLevels = outer.split('/');
  const innerLevels = inner.split('/');
  if (isWildcard(outerLevels[0]) && innerLevels[0]?.startsWith('$')) return false;
  // Every topic has one level at least, so here (and only here) "+/#" is as wide as "#".
  if (inner === '#') return outer === '#' || outer === '+/#';
  for (const [index, level] of outerLevels.entries()) {
    if (level === '#') return true;
    const other = innerLevels[index];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  return outerLevels.length === innerLevels.length;
}

/** Whether some topic is matched by both: the broker may then send one copy or several (MQTT 5, 3.3.4). */
export function filtersOverlap(a: string, b: string): boolean {
  const aLevels = a.split('/');
  const bLevels = b.split('/');
  if (isWildcard(aLevels[0]) && bLevels[0]?.startsWith('$')) return false;
  if (isWildcard(bLevels[0]) && aLevels[0]?.startsWith('$')) return false;
  for (let index = 0; ; index += 1) {
    const aLevel = aLevels[index];
    const bLevel = bLevels[index];
    if (aLevel === '#' || bLevel === '#') return true;
    if (aLevel === undefined || bLevel === undefined) return aLevel === bLevel;
    if (aLevel !== '+' && bLevel !== '+' && aLevel !== bLevel) return false;
  }
}

/**
 * Levels of `topic` that the named wildcards of `filter` stand for, by name; null when the topic doesn't match.
 * `wildcard_names` has an entry for each `+` in order, null for one without a name.
 */
export function matchParams(
  filter: string,
  wildcard_names: readonly (string | null)[],
  topic: string,
): Record<string, string> | null {
  if (!topicMatches(filter, topic)) return null;
  const params: Record<string, string> = {};
  const topicLevels = topic.split('/');
  let wildcard = 0;
  for (const [index, level] of filter.split('/').entries()) {
    if (level !== '+') continue;
    const name = wildcard_names[wildcard];
    wildcard += 1;
    if (name != null) params[name] = topicLevels[index] ?? '';
  }
  return params;
}

const isWildcard = (level: string | undefined): boolean => level === '+' || level === '#';
