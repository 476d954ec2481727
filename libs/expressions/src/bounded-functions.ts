import { MOMENT, MomentClock } from './evaluation-moment';
import { type EvaluationBounds, LimitReached } from './limits';
import type { FunctionFocus, JsonataFunction } from './native-functions';
import { fitsAsJson } from './plain-value';

type Implementation = JsonataFunction['implementation'];

/**
 * The built-in functions held to `bounds`: `$pad("x", 5e8)`, `$join`, `$replace` and the like fail before they allocate.
 * Each is a new object whose parts can't be overwritten: JSONata's own are shared by the whole process, and the transform
 * `{} ~> |$sum|{"implementation": 1}|` would break `$sum` for everybody.
 */
export function boundedFunctions(
  natives: ReadonlyMap<string, JsonataFunction>,
  bounds: EvaluationBounds,
): ReadonlyMap<string, JsonataFunction> {
  const bounded = new Map<string, JsonataFunction>();
  for (const [name, native] of natives) {
    const special = specials[name];
    const call: Implementation = special
      ? function (...args) {
          return special({ focus: this, native: native.implementation, args, bounds, natives });
        }
      : native.implementation;
    bounded.set(name, harden(withStringBounds(call, bounds), native.signature));
  }
  return bounded;
}

/** JSONata writes `token` and `position` on a function as it calls it; all else stays as it is. */
export function harden(implementation: Implementation, signature: unknown): JsonataFunction {
  const fixed = (value: unknown) => ({ value, writable: false, configurable: false, enumerable: true });
  return Object.preventExtensions(
    Object.defineProperties({} as JsonataFunction, {
      _jsonata_function: fixed(true),
      implementation: fixed(implementation),
      signature: fixed(signature),
      token: { value: undefined, writable: true, configurable: false, enumerable: false },
      position: { value: undefined, writable: true, configurable: false, enumerable: false },
    }),
  );
}

function withStringBounds(call: Implementation, bounds: EvaluationBounds): Implementation {
  return function (...args) {
    for (const arg of args) checkString(arg, bounds);
    const result = call.apply(this, args);
    // A promise is the result of a function whose parts are bounded one by one.
    checkString(result, bounds);
    return result;
  };
}

export function checkString(value: unknown, bounds: EvaluationBounds): void {
  if (typeof value === 'string' && value.length > bounds.string_chars) throw stringLimit(bounds);
}

function stringLimit(bounds: EvaluationBounds): LimitReached {
  return new LimitReached('EXPRESSION_STRING_LIMIT', `a text grows beyond ${bounds.string_chars} characters`);
}

interface Call {
  focus: FunctionFocus;
  native: Implementation;
  args: unknown[];
  bounds: EvaluationBounds;
  natives: ReadonlyMap<string, JsonataFunction>;
}

const specials: Readonly<Record<string, ((call: Call) => unknown) | undefined>> = {
  pad: ({ focus, native, args, bounds }) => {
    const width = args[1];
    if (typeof width === 'number' && Math.abs(width) > bounds.string_chars) throw stringLimit(bounds);
    return native.apply(focus, args);
  },
  join: ({ focus, native, args, bounds }) => {
    const [parts, separator] = args;
    if (Array.isArray(parts)) {
      const between = typeof separator === 'string' ? separator.length : 0;
      let length = 0;
      for (const part of parts) {
        length += (typeof part === 'string' ? part.length : 0) + between;
        if (length > bounds.string_chars) throw stringLimit(bounds);
      }
    }
    return native.apply(focus, args);
  },
  string: ({ focus, native, args, bounds }) => {
    const value = args[0];
    if (typeof value === 'object' && value !== null && !fitsAsJson(value, bounds.string_chars)) {
      throw stringLimit(bounds);
    }
    return native.apply(focus, args);
  },
  clone: ({ focus, native, args, bounds }) => {
    if (!fitsAsJson(args[0], bounds.result_chars)) {
      throw new LimitReached('EXPRESSION_RESULT_LIMIT', `a copy grows beyond ${bounds.result_chars} characters`);
    }
    return native.apply(focus, args);
  },
  append: ({ focus, native, args, bounds }) => {
    const items = args.reduce<number>((sum, arg) => sum + (Array.isArray(arg) ? arg.length : 1), 0);
    if (items > bounds.sequence_items) {
      throw new LimitReached('EXPRESSION_SEQUENCE_LIMIT', `a sequence grows beyond ${bounds.sequence_items} items`);
    }
    return native.apply(focus, args);
  },
  replace: boundedReplace,
  formatNumber: withPicture(1),
  formatInteger: withPicture(1),
  parseInteger: withPicture(1),
  fromMillis: withPicture(1),
  toMillis: (call) => {
    const text = call.args[0];
    if (typeof text === 'string' && text.length > MAX_PICTURE_CHARS) {
      throw new LimitReached('EXPRESSION_STRING_LIMIT', `a date has at most ${MAX_PICTURE_CHARS} characters`);
    }
    // A picture without a date means today.
    const environment = { ...call.focus.environment, timestamp: clockOf(call.focus).now() };
    return withPicture(1)({ ...call, focus: { ...call.focus, environment } });
  },
  // JSONata's own pair closes over one timestamp an expression, which evaluations that overlap would share.
  now: ({ focus, args, natives }) => {
    const [picture, timezone] = args;
    checkPicture(picture);
    const fromMillis = natives.get('fromMillis');
    return fromMillis?.implementation.apply(focus, [clockOf(focus).now().getTime(), picture, timezone]);
  },
  millis: ({ focus }) => clockOf(focus).now().getTime(),
  random: ({ focus }) => clockOf(focus).random(),
  shuffle: ({ focus, args: [items] }) => {
    if (!Array.isArray(items)) return items;
    const clock = clockOf(focus);
    const shuffled: unknown[] = [];
    // Fisher–Yates, inside out, as JSONata has it.
    items.forEach((item: unknown, index) => {
      const place = Math.floor(clock.random() * (index + 1));
      if (place !== index) shuffled[index] = shuffled[place];
      shuffled[place] = item;
    });
    return shuffled;
  },
};

function clockOf(focus: FunctionFocus): MomentClock {
  const clock = focus.environment.lookup(MOMENT);
  return clock instanceof MomentClock ? clock : new MomentClock(null, '');
}

/** Picture strings become patterns and widths; both are written by people and short. */
const MAX_PICTURE_CHARS = 200;

function withPicture(index: number): (call: Call) => unknown {
  return ({ focus, native, args }) => {
    checkPicture(args[index]);
    return native.apply(focus, args);
  };
}

function checkPicture(picture: unknown): void {
  if (typeof picture !== 'string') return;
  if (picture.length > MAX_PICTURE_CHARS) {
    throw new LimitReached('EXPRESSION_STRING_LIMIT', `a picture has at most ${MAX_PICTURE_CHARS} characters`);
  }
  // A width modifier, as in [Y,4-100000000]: the text would be padded to it.
  if (/[,-]\s*\d{4,}/.test(picture)) {
    throw new LimitReached('EXPRESSION_STRING_LIMIT', 'a width in a picture is at most 999');
  }
}

interface RegexMatch {
  match: string;
  start: number;
  end: number;
  groups: string[];
  next: () => RegexMatch | undefined | Promise<RegexMatch | undefined>;
}

/** `$replace` with its output counted as it grows: each match may bring in a long text. */
function boundedReplace({ focus, native, args, bounds }: Call): unknown {
  const [text, pattern, replacement, limit] = args;
  if (typeof text !== 'string') return native.apply(focus, args);
  let made = text.length;
  const count = (chars: number) => {
    made += chars;
    if (made > bounds.string_chars) throw stringLimit(bounds);
  };
  if (typeof pattern === 'string' && typeof replacement === 'string') {
    if (pattern !== '') {
      for (let at = text.indexOf(pattern); at !== -1; at = text.indexOf(pattern, at + pattern.length)) {
        count(replacement.length);
      }
    }
    return native.apply(focus, args);
  }
  const dollars = typeof replacement === 'string' ? replacement.split('$').length - 1 : 0;
  const counted = (found: RegexMatch | undefined): RegexMatch | undefined => {
    if (found === undefined) return undefined;
    if (typeof replacement === 'string') count(replacement.length + dollars * found.match.length);
    return { ...found, next: async () => counted(await found.next()) };
  };
  const countedPattern =
    typeof pattern === 'function'
      ? async (subject: string) => counted((await pattern.call(focus, subject)) as RegexMatch | undefined)
      : pattern;
  const countedReplacement =
    typeof replacement === 'function'
      ? async (found: RegexMatch) => {
          const made: unknown = await replacement.call(focus, found);
          if (typeof made === 'string') count(made.length);
          return made;
        }
      : replacement;
  return native.apply(focus, [text, countedPattern, countedReplacement, limit]);
}
