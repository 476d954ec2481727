import type { FieldFault } from '@cortex-mqtt/contracts';
import {
  filterLevelFault,
  isShared,
  MAX_FILTER_LEVELS,
  mqttStringFault,
  SHARE_BY_HAND,
  sharedFilter,
  tooManyLevels,
  validateSharedGroup,
} from './topic-filter';

/** A subscription's topic as a person wrote it, and what surrounds it. */
export interface TopicTemplate {
  /** Null, undefined and '' all mean "no such part". */
  prefix?: string | null;
  /** Between prefix and topic. `#` or `…/#` means "everything below": the `#` is dropped when a topic follows. */
  pattern?: string | null;
  topic?: string | null;
  /** The topic is the whole filter; prefix and pattern don't apply. */
  absolute?: boolean;
  /** The product's variables, for `{name}`. */
  variables?: Readonly<Record<string, string>>;
  /** Counted into the length of what is sent; not part of `topic_filter`. */
  shared_group?: string | null;
}

export type ResolvedTopic =
  | { ok: true; topic_filter: string; wildcard_names: (string | null)[] }
  | { ok: false; faults: FieldFault[] };

type Part = 'prefix' | 'pattern' | 'topic';
interface Level {
  part: Part;
  text: string;
  /** Set on a `+` that was written as `{+name}`. */
  wildcard_name: string | null;
}

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
/** An identifier, so that it reads `params.name` in an expression. */
const WILDCARD_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/**
 * The topic filter of a subscription: prefix, pattern and topic joined by single `/`, empty parts left out;
 * `{name}` filled from the variables, `{+name}` a `+` with a name. All faults at once, each with the field it is in
 * (`prefix`, `pattern` or `topic`; `shared_group` for the group).
 */
export function resolveTopicFilter(template: TopicTemplate): ResolvedTopic {
  const faults: FieldFault[] = [];
  const levels = joinParts(template).flatMap(({ part, text }) =>
    text.split('/').map((level) => fillLevel(part, level, template.variables ?? {}, faults)),
  );
  const last = levels.at(-1);
  const topic_filter = levels.map((level) => level.text).join('/');

  if (last === undefined) faults.push({ field: 'topic', message: 'must not be empty' });
  for (const [index, level] of levels.entries()) {
    const message = filterLevelFault(level.text, { is_last: level === last });
    if (message) faults.push({ field: level.part, message });
    const startsPart = levels[index - 1]?.part !== level.part;
    // Refused in the middle too: "prefix/$share/group/topic" would be a valid filter that never matches.
    if (startsPart && isShared(level.text)) faults.push({ field: level.part, message: SHARE_BY_HAND });
  }
  if (levels.length > MAX_FILTER_LEVELS) faults.push({ field: 'topic', message: tooManyLevels(levels.length) });
  faults.push(...repeatedNames(levels));
  faults.push(...stringFaults(topic_filter, template.shared_group));

  if (faults.length > 0) return { ok: false, faults: withoutRepeats(faults) };
  return {
    ok: true,
    topic_filter,
    wildcard_names: levels.filter((level) => level.text === '+').map((level) => level.wildcard_name),
  };
}

/**
 * Whether a topic begins, level by level, with the prefix, or prefix and pattern, that would be put before it: then it is the
 * full path that a person has copied from somewhere. Each level may be as it is written or filled from the variables.
 */
export function repeatsPrefix(template: Omit<TopicTemplate, 'absolute' | 'shared_group'>): boolean {
  const levelsOf = (part: string | null | undefined): string[] => {
    const text = stripEdges((part ?? '').trim());
    return text === '' ? [] : text.split('/');
  };
  const withoutHash = (levels: string[]): string[] => (levels.at(-1) === '#' ? levels.slice(0, -1) : levels);
  const filled = (level: string): string => fillLevel('topic', level, template.variables ?? {}, []).text;
  const isSame = (a: string | undefined, b: string): boolean => a !== undefined && (a === b || filled(a) === filled(b));
  const prefix = withoutHash(levelsOf(template.prefix));
  const before = prefix.length > 0 ? prefix : withoutHash(levelsOf(template.pattern));
  const topic = levelsOf(template.topic);
  // One level that is the same may be meant twice (`orders/orders`); several are no chance.
  const is_longer = topic.length > before.length || (topic.length === before.length && before.length > 1);
  return before.length > 0 && is_longer && before.every((level, index) => isSame(topic[index], level));
}

/** The value of a variable as it may stand in a topic level; null when nothing is wrong. */
export function variableValueFault(value: string): string | null {
  if (value === '') return 'must not be empty';
  if (/[/+#]/.test(value)) return 'must not contain "/", "+" or "#"';
  return mqttStringFault(value);
}

/** Whether a variable may have this name, so that `{name}` finds it. */
export const isVariableName = (name: string): boolean => VARIABLE_NAME.test(name);

function joinParts(template: TopicTemplate): { part: Part; text: string }[] {
  const topic = template.topic ?? '';
  if (template.absolute) return topic === '' ? [] : [{ part: 'topic', text: topic }];
  const prefix = template.prefix ?? '';
  let pattern = template.pattern ?? '';
  if (topic !== '' && (pattern === '#' || pattern.endsWith('/#'))) pattern = pattern.slice(0, -1);
  const written: { part: Part; text: string }[] = [
    { part: 'prefix', text: prefix },
    { part: 'pattern', text: pattern },
    { part: 'topic', text: topic },
  ];
  const present = written.filter(({ text }) => stripEdges(text) !== '' || text.includes('\u0000'));
  return present.map(({ part, text }, index) => {
    // A "/" at a joint is the joint. One at the very beginning is a level of its own to the broker, and so is one at
    // the end of a topic: those are kept.
    const head = index === 0 ? text : text.replace(/^\/+/, '');
    return { part, text: part === 'topic' ? head : head.replace(/\/+$/, '') };
  });
}

const stripEdges = (text: string): string => text.replace(/^\/+|\/+$/g, '');

function fillLevel(
  part: Part,
  written: string,
  variables: Readonly<Record<string, string>>,
  faults: FieldFault[],
): Level {
  const fault = (message: string, more: Pick<FieldFault, 'variable'> = {}) =>
    faults.push({ field: part, message, ...more });
  const named = /^\{\+([^{}]*)\}$/.exec(written);
  if (named) {
    const name = named[1] ?? '';
    if (!WILDCARD_NAME.test(name))
      fault(`"${written}" is not a named wildcard: write {+name}, name of letters, digits and _`);
    return { part, text: '+', wildcard_name: name };
  }
  const text = written.replace(PLACEHOLDER, (whole: string, name: string) => {
    if (name.startsWith('+')) {
      fault(`"${whole}" must stand alone in its level, found "${written}"`);
    } else if (!VARIABLE_NAME.test(name)) {
      fault(`"${whole}" is not a placeholder: write {name}, name of letters, digits, _ . and -`);
    } else if (!Object.hasOwn(variables, name)) {
      fault(`unknown placeholder {${name}}: the product has no variable of this name`, { variable: name });
    } else {
      const value = variables[name] ?? '';
      const valueFault = variableValueFault(value);
      if (valueFault === null) return value;
      fault(`variable "${name}" ${valueFault}`);
    }
    // Stands for the placeholder that is at fault already, so that it brings no second fault with it.
    return 'x';
  });
  if (/[{}]/.test(written.replace(PLACEHOLDER, ''))) fault(`"${written}" has a brace without its partner`);
  return { part, text, wildcard_name: null };
}

function repeatedNames(levels: Level[]): FieldFault[] {
  const seen = new Set<string>();
  return levels.flatMap(({ part, wildcard_name }) => {
    if (wildcard_name === null) return [];
    if (seen.has(wildcard_name)) return [{ field: part, message: `{+${wildcard_name}} is used twice` }];
    seen.add(wildcard_name);
    return [];
  });
}

function stringFaults(topic_filter: string, shared_group: string | null | undefined): FieldFault[] {
  if (shared_group == null) {
    const message = mqttStringFault(topic_filter);
    return message ? [{ field: 'topic', message }] : [];
  }
  const groupFault = validateSharedGroup(shared_group);
  if (groupFault) return [{ field: 'shared_group', message: groupFault }];
  const message = mqttStringFault(sharedFilter(shared_group, topic_filter));
  return message ? [{ field: 'topic', message }] : [];
}

function withoutRepeats(faults: FieldFault[]): FieldFault[] {
  const seen = new Set<string>();
  return faults.filter(({ field, message }) => {
    const key = `${field}\n${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
