import { type EnvironmentClass, variablesOf } from './env-decorator';
import type { Fault } from './environment-error';

/** Variables that begin with a declared prefix and that nobody reads: nearly always a typing error. */
export function unknownVariables(
  classes: readonly EnvironmentClass[],
  env: Readonly<Record<string, string | undefined>>,
): Fault[] {
  const known = new Set(classes.flatMap((c) => variablesOf(c).flatMap((v) => [v.variable, `${v.variable}_FILE`])));
  const prefixes = classes.flatMap((c) => c.prefixes ?? []);
  return Object.keys(env)
    .filter((name) => !known.has(name) && prefixes.some((prefix) => name.startsWith(prefix)))
    .sort()
    .map((name) => ({ variable: name, message: `is not a known variable${suggestion(name, known)}` }));
}

function suggestion(name: string, known: ReadonlySet<string>): string {
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(name, candidate);
    if (distance <= 3 && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best ? `; is ${best.candidate} meant?` : '';
}

/** Levenshtein distance, row by row. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
