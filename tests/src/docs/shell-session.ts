import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDirectory, spawnProcess } from '@cortex-mqtt/testing';
import { type FencedBlock, ROOT } from './fenced-blocks';

/** What stands in a page for a value that only the reader has: the whole line is replaced. */
export type Substitutions = Record<string, string>;

/** A curl that fails for an answer that is not 2xx, and reads a stream for two seconds. */
const CURL = `#!/usr/bin/env bash
for argument in "$@"; do if [ "$argument" = -N ]; then stream=1; fi; done
export PATH="$OUTER_PATH"
if [ -z "\${stream:-}" ]; then exec curl --fail-with-body -sS --max-time 60 "$@"; fi
code=0
curl --fail-with-body -sS --max-time 2 "$@" || code=$?
if [ "$code" = 28 ]; then exit 0; fi
exit "$code"
`;

/**
 * Runs the shell blocks of a page in one bash, in order and as written, in a folder that looks like a clone. Any command that
 * fails ends it.
 */
export async function runShellBlocks(
  blocks: FencedBlock[],
  { substitutions, env }: { substitutions: Substitutions; env: Record<string, string> },
): Promise<{ code: number | null; output: string }> {
  const folder = createTestDirectory('docs');
  const bin = join(folder, '.bin');
  for (const name of ['apps', 'docker', 'node_modules']) symlinkSync(join(ROOT, name), join(folder, name));
  writeWrappers(join(folder, 'scripts'));
  const script = ['set -euo pipefail', 'export PATH="$DOCS_BIN:$OUTER_PATH"', 'set -x'];
  for (const block of blocks) {
    script.push(
      `: ${block.file}:${block.line}`,
      ...block.text.split('\n').map((line) => substituted(line, substitutions)),
    );
  }
  writeFileSync(join(folder, 'run.sh'), script.join('\n'));
  mkdirSync(bin);
  writeFileSync(join(bin, 'curl'), CURL);
  chmodSync(join(bin, 'curl'), 0o755);
  const shell = await spawnProcess({
    command: 'bash',
    args: ['run.sh'],
    cwd: folder,
    env: { ...env, HOME: folder, DOCS_BIN: bin, OUTER_PATH: process.env.PATH ?? '' },
  });
  const { code } = await shell.exited;
  return { code, output: shell.output() };
}

/** What `./scripts/NAME` runs once packages are installed and everything is built. */
function writeWrappers(scripts: string): void {
  mkdirSync(scripts);
  const command = join(ROOT, 'scripts', 'lib', 'orchestrator-command.cjs');
  for (const name of ['import-env', 'backup', 'restore', 'reset-password', 'rotate-keys']) {
    writeFileSync(join(scripts, name), `#!/bin/sh\nexec node ${command} ${name} "$@"\n`, { mode: 0o755 });
  }
}

function substituted(line: string, substitutions: Substitutions): string {
  const known = Object.entries(substitutions).find(([beginning]) => line.startsWith(beginning));
  return known === undefined ? line : known[1];
}
