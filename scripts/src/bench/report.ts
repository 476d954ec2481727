import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import type { FigureResult } from './figure';
import { median } from './statistics';

export interface BenchReport {
  started_at: string;
  ended_at: string;
  rounds: number;
  machine: {
    cpus: number;
    model: string;
    memory_mib: number;
    node: string;
    load_at_start: number;
    load_at_end: number;
  };
  figures: FigureResult[];
  /** Measurements that could not be made, and why. */
  failures: { name: string; error: string }[];
}

export function machineFacts(load_at_start: number): BenchReport['machine'] {
  return {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    memory_mib: Math.round(totalmem() / 2 ** 20),
    node: process.version,
    load_at_start,
    load_at_end: loadavg()[0] ?? 0,
  };
}

/** Writes the report beside the earlier ones, and as `latest.json`. Returns its path. */
export function saveReport(report: BenchReport, directory: string): string {
  mkdirSync(directory, { recursive: true });
  const text = `${JSON.stringify(report, null, 2)}\n`;
  const path = join(directory, `${report.started_at.replace(/[:.]/g, '-')}.json`);
  writeFileSync(path, text);
  writeFileSync(join(directory, 'latest.json'), text);
  return path;
}

export function renderTable({ figures, failures, machine, rounds }: BenchReport): string {
  const rows = figures.map((figure) => [
    figure.title,
    short(median(figure.ours), figure.unit),
    figure.against === null ? '' : `${short(median(figure.theirs), figure.unit)} (${figure.against})`,
    short(figure.value, figure.against === null ? figure.unit : ''),
    goalText(figure),
    figure.is_met ? 'met' : 'NOT MET',
  ]);
  const header = ['figure', 'ours', 'against', 'ratio', 'goal', ''];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    line(header),
    widths
      .map((width) => '-'.repeat(width))
      .join('  ')
      .trimEnd(),
    ...rows.map(line),
    ...failures.map(({ name, error }) => `${name} could not be measured: ${error}`),
    '',
    `${machine.cpus} × ${machine.model}, Node ${machine.node}, medians of ${rounds} rounds, load ${machine.load_at_start.toFixed(1)} at the start and ${machine.load_at_end.toFixed(1)} at the end`,
  ].join('\n');
}

function goalText({ goal, against, unit }: FigureResult): string {
  const suffix = against === null ? ` ${unit}` : '';
  return 'at_least' in goal ? `≥ ${trim(goal.at_least)}${suffix}` : `≤ ${trim(goal.at_most)}${suffix}`;
}

const trim = (value: number): string => String(Number(value.toPrecision(3)));

function short(value: number, unit: string): string {
  const number = Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : trim(value);
  return unit === '' ? number : `${number} ${unit}`;
}
