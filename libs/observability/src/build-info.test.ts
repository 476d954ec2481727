import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildInfo } from './build-info';

let folder: string;
let app: string;
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: folder, encoding: 'utf8' }).trim();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'build-info-'));
  app = join(folder, 'apps', 'listener', 'src');
  mkdirSync(app, { recursive: true });
  writeFileSync(join(folder, 'apps', 'listener', 'package.json'), '{"version": "1.2.3"}');
  writeFileSync(join(folder, 'package.json'), '{"version": "9.9.9"}');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('buildInfo', () => {
  it('prefers GIT_COMMIT, then the build info file', () => {
    mkdirSync(join(folder, 'dist'));
    writeFileSync(join(folder, 'dist', 'build-info.json'), '{"git_commit": "from-file"}');
    expect(buildInfo({ directory: app, env: { GIT_COMMIT: 'from-env' } })).toEqual({
      version: '1.2.3',
      git_commit: 'from-env',
    });
    expect(buildInfo({ directory: app, env: { GIT_COMMIT: '' } }).git_commit).toBe('from-file');
  });

  it('reads the commit of a branch, of packed refs, of a detached head and of a worktree', () => {
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'one');
    const commit = git('rev-parse', 'HEAD');
    expect(buildInfo({ directory: app }).git_commit).toBe(commit);
    git('pack-refs', '--all');
    expect(buildInfo({ directory: app }).git_commit).toBe(commit);
    git('worktree', 'add', '-q', '-b', 'other', join(folder, 'tree'));
    expect(buildInfo({ directory: join(folder, 'tree') }).git_commit).toBe(commit);
    git('checkout', '-q', '--detach');
    expect(buildInfo({ directory: app }).git_commit).toBe(commit);
  });

  it('says unknown when nothing tells', () => {
    writeFileSync(join(folder, 'package.json'), '{');
    mkdirSync(join(folder, '.git'));
    writeFileSync(join(folder, '.git', 'HEAD'), 'ref: refs/heads/unborn\n');
    expect(buildInfo({ directory: folder })).toEqual({ version: 'unknown', git_commit: 'unknown' });
  });
});
