import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Names of measurements; empty = all. */
  only: string[];
  rounds: number;
  /** Folder for CPU profiles of the listener; null = none. */
  profile_dir: string | null;
  /** JSON instead of the table. */
  json: boolean;
}

/** The command was used wrongly: exit code 2, no stack. */
export class UsageError extends Error {}

/** @throws UsageError that names the argument. */
export function readBenchOptions(args: readonly string[], known: readonly string[]): BenchOptions {
  let values: { only?: string[]; rounds: string; profile?: string; json: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        rounds: { type: 'string', default: '3' },
        profile: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (see ./scripts/bench --help)`);
  }
  const only = (values.only ?? []).flatMap((names) => names.split(','));
  for (const name of only) {
    if (!known.includes(name)) throw new UsageError(`--only ${name}: there are ${known.join(', ')}`);
  }
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) throw new UsageError('--rounds must be 1 to 100');
  return { only, rounds, profile_dir: values.profile ?? null, json: values.json };
}
