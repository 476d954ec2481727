import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { createTestDirectory, waitFor } from '@cortex-mqtt/testing';
import type { SeenContainer } from './container-book';
import { DockerEngine } from './docker-engine';
import { DockerListenerRuntime, type DockerRuntimeDeps } from './docker-runtime';
import type { ListenerMember, WantedListener } from './listener-runtime';

interface FakeContainer {
  Id: string;
  Names: string[];
  State: string;
  Status: string;
  Labels: Record<string, string>;
  body: { Env: string[]; HostConfig: Record<string, unknown> };
  files: Buffer;
  restarts: number;
}

/** The part of an engine's API that keeping containers takes, over a real socket. */
class FakeEngine {
  containers: FakeContainer[] = [];
  image: string | null = 'sha256:one';
  /** What becomes of a container that is started. */
  status = 'Up 1 second (healthy)';
  private made = 0;
  private readonly watchers = new Set<ServerResponse>();
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));

  constructor(readonly socket: string) {}

  start = () => new Promise<void>((resolve) => this.server.listen(this.socket, resolve));
  stop = () => {
    for (const watcher of this.watchers) watcher.end();
    return new Promise((resolve) => this.server.close(resolve));
  };

  /** The engine ends a container and starts it again. */
  end(container: FakeContainer, { exitCode, oom = false }: { exitCode: number; oom?: boolean }): void {
    container.restarts += 1;
    const Actor = { ID: container.Id, Attributes: { ...container.Labels, exitCode: String(exitCode) } };
    for (const Action of oom ? ['oom', 'die'] : ['die']) {
      for (const watcher of this.watchers) watcher.write(`${JSON.stringify({ Action, Actor })}\n`);
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    const url = new URL(request.url ?? '', 'http://engine');
    const path = url.pathname.replace('/v1.41', '');
    const json = (status: number, value: unknown) => response.writeHead(status).end(JSON.stringify(value));
    if (path === '/events') {
      this.watchers.add(response);
      response.writeHead(200).flushHeaders();
      return;
    }
    if (path.startsWith('/images/') && path.endsWith('/json')) {
      return void (this.image ? json(200, { Id: this.image }) : json(404, { message: 'no such image' }));
    }
    if (path === '/images/create') return void response.writeHead(200).end('{"error":"no registry"}');
    if (path === '/containers/json') return void json(200, this.containers);
    if (path === '/containers/create') {
      const parsed = JSON.parse(body.toString());
      this.made += 1;
      const container = {
        Id: `c${this.made}`,
        Names: [`/${url.searchParams.get('name')}`],
        State: 'created',
        Status: '',
      };
      const more = { Labels: parsed.Labels, body: parsed, files: Buffer.alloc(0), restarts: 0 };
      this.containers.push({ ...container, ...more });
      return void json(201, { Id: container.Id });
    }
    const [, id, what] = /^\/containers\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    const container = this.containers.find(({ Id }) => Id === id);
    if (container === undefined) return void json(404, { message: 'no such container' });
    if (request.method === 'DELETE') this.containers = this.containers.filter((other) => other !== container);
    if (what === 'archive') container.files = body;
    if (what === 'start') Object.assign(container, { State: 'running', Status: this.status });
    if (what === 'logs') {
      const line = Buffer.from('the last line\n');
      const header = Buffer.alloc(8);
      header.writeUInt32BE(line.length, 4);
      return void response.writeHead(200).end(Buffer.concat([header, line]));
    }
    json(200, { RestartCount: container.restarts });
  }
}

describe('listeners as containers', () => {
  let engine: FakeEngine;
  let runtime: DockerListenerRuntime;
  let wanted: WantedListener[];
  let seen: ReadonlyMap<number, SeenContainer[]>;
  let removed: Pick<ListenerMember, 'product_id' | 'ordinal'>[];
  let count = 0;
  const warn = jest.fn();

  const build = (overrides: Partial<DockerRuntimeDeps> = {}) =>
    new DockerListenerRuntime({
      engine: new DockerEngine({ host: `unix://${engine.socket}` }),
      ...{ installation: 'test', image: 'listener', network: undefined, memory_mb: 256, cpus: 1 },
      wanted: async () => wanted,
      fixedEnvironment: async () => ({}),
      environment: async ({ slug, ordinal }) => ({ LISTENER_TOKEN: 'cml_secret', INSTANCE_ID: `${slug}-${ordinal}` }),
      onRemoved: async (member) => void removed.push(member),
      onSeen: async (all) => {
        seen = all;
      },
      logger: { info: () => undefined, warn, error: warn, debug: warn } as never,
      ...overrides,
    });
  const ids = () => engine.containers.map(({ Id }) => Id);
  const restarted = async (overrides: Partial<DockerRuntimeDeps>) => {
    await runtime.stop();
    runtime = build(overrides);
    await runtime.start();
  };

  beforeEach(async () => {
    count += 1;
    engine = new FakeEngine(join(createTestDirectory('engine'), `${count}.sock`));
    await engine.start();
    removed = [];
    wanted = [{ product_id: 7, slug: 'orders', replicas: 2, is_shared: false }];
    runtime = build();
    await runtime.start();
  });
  afterEach(async () => {
    await runtime.stop();
    await engine.stop();
  });

  it('run as often as a product wants, with limits and the token in a file', () => {
    expect(engine.containers.map(({ Names }) => Names[0])).toEqual([
      '/cortex-test-listener-7',
      '/cortex-test-listener-7-2',
    ]);
    const [first] = engine.containers;
    expect(first?.body.Env).toEqual(['LISTENER_TOKEN_FILE=/run/cortex/LISTENER_TOKEN', 'INSTANCE_ID=orders-1']);
    expect(first?.body.HostConfig).toMatchObject({ Memory: 268_435_456, ReadonlyRootfs: true, CapDrop: ['ALL'] });
    expect(JSON.stringify(first?.body)).not.toContain('cml_secret');
    expect(first?.files.toString('latin1')).toContain('cml_secret');
    expect(seen.get(7)?.map(({ instance_id, state }) => [instance_id, state])).toEqual([
      ['orders-1', 'running'],
      ['orders-2', 'running'],
    ]);
  });

  it('are adopted by another orchestrator, and removed with their token when fewer are wanted', async () => {
    const before = ids();
    await restarted({});
    expect(ids()).toEqual(before);
    wanted = [{ ...wanted[0]!, replicas: 1 }];
    runtime.reconcile();
    await waitFor(() => removed.length === 1);
    expect(removed).toEqual([{ product_id: 7, ordinal: 2 }]);
    expect(ids()).toEqual(before.slice(0, 1));
  });

  it('are all replaced by a new image that gets healthy', async () => {
    const before = ids();
    engine.image = 'sha256:two';
    await restarted({});
    expect(ids()).toHaveLength(2);
    expect(ids().filter((id) => before.includes(id))).toEqual([]);
  });

  it('are replaced no further than to the first when that is not healthy', async () => {
    const before = ids();
    engine.image = 'sha256:two';
    engine.status = 'Up 1 second (unhealthy)';
    await restarted({});
    expect(ids().filter((id) => before.includes(id))).toHaveLength(1);
    expect(
      seen
        .get(7)
        ?.map(({ state }) => state)
        .sort(),
    ).toEqual(['running', 'unhealthy']);
    await restarted({});
    expect(ids().filter((id) => before.includes(id))).toHaveLength(1);
    // Mended: the one that is not healthy goes first.
    engine.image = 'sha256:three';
    engine.status = 'Up 1 second (healthy)';
    await restarted({});
    expect(ids().filter((id) => before.includes(id))).toEqual([]);
  });

  it('say how they ended and what they wrote last', async () => {
    engine.end(engine.containers[0]!, { exitCode: 137 });
    await waitFor(() => seen.get(7)?.[0]?.exit_code === 137);
    expect(seen.get(7)?.[0]).toMatchObject({
      state: 'running',
      reason: expect.stringContaining('exit code 137, SIGKILL'),
      restarts: 1,
      last_lines: ['the last line'],
    });
    Object.assign(engine.containers[1]!, { State: 'restarting', Status: 'Restarting (137) 1 second ago' });
    engine.end(engine.containers[1]!, { exitCode: 137, oom: true });
    await waitFor(() => seen.get(7)?.[1]?.state === 'out_of_memory');
  });

  it('are left alone while their image cannot be had, and those that are missing say why', async () => {
    const before = ids();
    engine.image = null;
    wanted = [...wanted, { product_id: 8, slug: 'new', replicas: 1, is_shared: false }];
    runtime.reconcile();
    await waitFor(() => seen.get(8)?.[0]?.state === 'failed');
    expect(seen.get(8)?.[0]?.reason).toBe('listener cannot be pulled: no registry');
    expect(ids()).toEqual(before);
  });
});
