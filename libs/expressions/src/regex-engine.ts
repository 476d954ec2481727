import type { Matcher, RE2JS } from 're2js';
import { re2 } from './on-demand';

/**
 * Regular expressions of linear time (RE2) with as much of RegExp's shape as JSONata uses: `lastIndex` and `exec`. A
 * backtracking engine can be held for years by a pattern such as `(a+)+$`.
 */
export class LinearRegExp {
  lastIndex = 0;
  private readonly compiled: RE2JS;
  private matcher: Matcher | null = null;
  private matched: string | null = null;

  constructor(pattern: RegExp) {
    this.compiled = compileLinear(pattern);
  }

  exec(text: string): LinearMatch | null {
    if (this.lastIndex > text.length) {
      this.lastIndex = 0;
      return null;
    }
    if (this.matcher === null || this.matched !== text) {
      this.matcher = this.compiled.matcher(text);
      this.matched = text;
    }
    if (!this.matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    const groups: (string | undefined)[] = [];
    for (let group = 0; group <= this.matcher.groupCount(); group += 1) {
      groups.push(this.matcher.group(group) ?? undefined);
    }
    const match = Object.assign(groups, { index: this.matcher.start(0) });
    this.lastIndex = this.matcher.end(0);
    return match;
  }
}

export type LinearMatch = (string | undefined)[] & { index: number };

const compiledPatterns = new WeakMap<RegExp, RE2JS>();

function compileLinear(pattern: RegExp): RE2JS {
  const known = compiledPatterns.get(pattern);
  if (known) return known;
  const { RE2JS } = re2();
  const flags =
    (pattern.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (pattern.multiline ? RE2JS.MULTILINE : 0) |
    (pattern.dotAll ? RE2JS.DOTALL : 0);
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern.source), flags);
  compiledPatterns.set(pattern, compiled);
  return compiled;
}

/** Why a pattern can't run in linear time, in words; null when it can. */
export function linearFault(pattern: RegExp): string | null {
  if (/\(\?<?[=!]/.test(pattern.source)) return 'look-ahead and look-behind are not supported in regular expressions';
  if (/\\[1-9]|\\k</.test(pattern.source)) return 'back-references are not supported in regular expressions';
  try {
    compileLinear(pattern);
    return null;
  } catch (error) {
    if (error instanceof re2().RE2JSSyntaxException) return `regular expression: ${error.message}`;
    throw error;
  }
}
