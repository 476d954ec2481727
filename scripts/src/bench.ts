import { homedir, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { evaluate, type BenchContext, type FigureResult } from './bench/figure';
import { MEASUREMENTS } from './bench/measurements';
import { readBenchOptions, UsageError } from './bench/options';
import { type BenchReport, machineFacts, renderTable, saveReport } from './bench/report';

const ROOT = join(__dirname, '..', '..');

/** Measures, prints, saves. Resolves to the exit code: 1 when something could not be measured. */
async function main(args: string[]): Promise<number> {
  const options = readBenchOptions(
    args,
    MEASUREMENTS.map(({ name }) => name),
  );
  const started_at = new Date().toISOString();
  const load_at_start = loadavg()[0] ?? 0;
  const context: BenchContext = {
    rounds: options.rounds,
    say: (text) => process.stderr.write(`  ${text}\n`),
    profile_dir: options.profile_dir === null ? null : resolve(options.profile_dir),
    cache_dir: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cortex-mqtt-bench'),
    stops: [],
  };
  const stopAll = async () => {
    for (const stop of context.stops.splice(0).reverse()) await stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stopAll().finally(() => process.exit(130)));
  }
  const figures: FigureResult[] = [];
  const failures: BenchReport['failures'] = [];
  for (const measurement of MEASUREMENTS) {
    if (options.only.length > 0 && !options.only.includes(measurement.name)) continue;
    process.stderr.write(`▸ ${measurement.name}\n`);
    try {
      figures.push(...(await measurement.run(context)).map(evaluate));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      process.stderr.write(`✘ ${measurement.name}: ${text}\n`);
      failures.push({ name: measurement.name, error: text });
    }
  }
  const report: BenchReport = {
    started_at,
    ended_at: new Date().toISOString(),
    rounds: options.rounds,
    machine: machineFacts(load_at_start),
    figures,
    failures,
  };
  const path = saveReport(report, join(ROOT, 'bench-results'));
  process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : renderTable(report)}\n`);
  process.stderr.write(`saved to ${path}\n`);
  return failures.length > 0 ? 1 : 0;
}

if (require.main === module) {
  main(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error: unknown) => {
      if (error instanceof UsageError) {
        process.stderr.write(`${error.message}\n`);
        process.exit(2);
      }
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exit(1);
    },
  );
}
