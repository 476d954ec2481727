import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createTestDirectory, waitFor } from '@cortex-mqtt/testing';
import { StatefulSet } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Secret, Service } from 'kubernetes-models/v1';
import type { SeenContainer } from '../runtime/container-book';
import type { WantedListener } from '../runtime/listener-runtime';
import { KubernetesApi, type KubernetesObject } from './kubernetes-api';
import { KubernetesListenerRuntime, type KubernetesRuntimeDeps } from './kubernetes-runtime';
import type { ListenerSettings } from './listener-objects';
import type { Pod } from './pod-state';

interface Stored extends KubernetesObject {
  spec: Record<string, never>;
  status?: { readyReplicas: number; updatedReplicas: number };
}

/** The part of an API server that keeping listeners takes, over HTTP: what it is sent is stored, and what is stored is answered. */
class FakeApiServer {
  readonly objects = new Map<string, Stored>();
  readonly requests: { method: string; path: string; type: string | undefined }[] = [];
  pods: Pod[] = [];
  private made = 0;
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.objects.set('deployments/cortex', { metadata: { name: 'cortex', uid: 'uid-of-owner' } } as never);
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  stop = () => new Promise((resolve) => this.server.close(resolve));
  of = (resource: string): Stored[] =>
    [...this.objects].filter(([path]) => path.startsWith(`${resource}/`)).map(([, object]) => object);

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const url = new URL(request.url ?? '', 'http://cluster');
    const { method = '' } = request;
    this.requests.push({ method, path: url.pathname, type: request.headers['content-type'] });
    const json = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
    if (request.headers.authorization !== 'Bearer the-account') return void json(401, { message: 'who are you' });
    const [, resource = '', name, log] =
      /^\/(?:api|apis\/[^/]+)\/v1(?:alpha1)?\/namespaces\/shop\/(\w+)(?:\/([^/]+)(\/log)?)?$/.exec(url.pathname) ?? [];
    const path = `${resource}/${name}`;
    if (log) return void response.writeHead(200).end('one\nthe last line\n');
    if (method === 'GET' && name === undefined) {
      const items = resource === 'pods' ? this.pods : this.of(resource);
      // In pages of one, as a server may do it.
      const from = Number(url.searchParams.get('continue') ?? 0);
      const next = from + 1 < items.length ? String(from + 1) : undefined;
      return void json(200, { items: items.slice(from, from + 1), metadata: { continue: next } });
    }
    const stored = this.objects.get(path);
    if (method === 'PATCH') {
      const applied = JSON.parse(Buffer.concat(pieces).toString()) as Stored;
      this.made += 1;
      applied.metadata.uid = stored?.metadata.uid ?? `uid-${this.made}`;
      this.objects.set(path, { ...applied, status: stored?.status });
      return void json(200, this.objects.get(path));
    }
    if (stored === undefined) return void json(404, { message: `${path} not found` });
    if (method === 'DELETE') this.objects.delete(path);
    json(200, stored);
  }
}

const SETTINGS: ListenerSettings = {
  installation: 'test',
  namespace: 'shop',
  image: 'registry.example.com/listener:1',
  image_pull_secret: 'pull',
  memory_mb: 256,
  millicpus: 500,
  volume_mb: 256,
  storage_class: undefined,
  keda_authentication: undefined,
  orchestrator_url: 'http://cortex:8004',
  environment: { LOG_LEVEL: 'info', ORCHESTRATOR_URL: 'http://cortex:8004' },
};

describe('listeners as pods', () => {
  let server: FakeApiServer;
  let account: string;
  let url: string;
  let runtime: KubernetesListenerRuntime;
  let wanted: WantedListener[];
  let seen: ReadonlyMap<number, SeenContainer[]>;
  let tokens: number;
  const removed: number[] = [];
  const warn = jest.fn();

  const build = (settings: Partial<ListenerSettings> = {}, overrides: Partial<KubernetesRuntimeDeps> = {}) =>
    new KubernetesListenerRuntime({
      api: new KubernetesApi({ url, namespace: 'shop', token_file: join(account, 'token'), ca_file: '' }),
      settings: { ...SETTINGS, ...settings },
      owner: 'cortex',
      wanted: async () => wanted,
      queueUrl: async () => 'redis://listeners:word@redis:6379',
      freshToken: async () => {
        tokens += 1;
        return `cml_${tokens}`;
      },
      onRemoved: async (product_id) => void removed.push(product_id),
      onSeen: async (all) => {
        seen = all;
      },
      logger: { info: () => undefined, warn, error: warn, debug: warn } as never,
      ...overrides,
    });
  const look = async (settings: Partial<ListenerSettings> = {}, overrides: Partial<KubernetesRuntimeDeps> = {}) => {
    await runtime.stop();
    runtime = build(settings, overrides);
    await runtime.start();
  };
  const imageOf = ({ spec }: Stored) => (spec as never as { template: PodTemplate }).template.spec.containers[0]?.image;
  type PodTemplate = { spec: { containers: { image: string }[] } };

  beforeEach(async () => {
    server = new FakeApiServer();
    url = await server.start();
    account = createTestDirectory('account');
    writeFileSync(join(account, 'token'), 'the-account\n');
    tokens = 0;
    warn.mockClear();
    wanted = [{ product_id: 7, slug: 'orders', replicas: 2, is_shared: false }];
    runtime = build();
    await runtime.start();
  });
  afterEach(async () => {
    await runtime.stop();
    await server.stop();
  });

  it('are objects that Kubernetes accepts, applied by the server', () => {
    expect(warn).not.toHaveBeenCalled();
    const kinds = {
      statefulsets: StatefulSet,
      services: Service,
      secrets: Secret,
      poddisruptionbudgets: PodDisruptionBudget,
    };
    for (const [resource, Model] of Object.entries(kinds)) {
      const [object, ...others] = server.of(resource);
      expect(others).toEqual([]);
      expect(() => new (Model as typeof StatefulSet)(object as never).validate()).not.toThrow();
      expect(object?.metadata).toMatchObject({ name: 'cortex-test-7', namespace: 'shop' });
    }
    const patches = server.requests.filter(({ method }) => method === 'PATCH');
    expect(patches.map(({ type }) => type)).toEqual(patches.map(() => 'application/apply-patch+yaml'));
    const [set] = server.of('statefulsets');
    expect(set?.metadata.ownerReferences).toMatchObject([{ kind: 'Deployment', uid: 'uid-of-owner' }]);
    expect(server.of('services')[0]?.metadata.ownerReferences).toMatchObject([
      { kind: 'StatefulSet', uid: set?.metadata.uid },
    ]);
  });

  it('keep to the restricted pod security, with the token in a file', () => {
    const [set] = server.of('statefulsets');
    const text = JSON.stringify(set);
    expect(text).not.toContain('cml_1');
    expect(text).not.toContain('listeners:word');
    expect(set?.spec).toMatchObject({
      replicas: 2,
      template: {
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
        },
      },
    });
    const [secret] = server.of('secrets');
    const data = (secret as never as { data: Record<string, string> }).data;
    expect(Buffer.from(data.LISTENER_TOKEN ?? '', 'base64').toString()).toBe('cml_1');
  });

  it('are adopted as they are, and removed with their secret when nobody wants them', async () => {
    server.requests.length = 0;
    await look();
    expect(server.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(tokens).toBe(1);
    wanted = [];
    runtime.reconcile();
    await waitFor(() => removed.includes(7));
    expect([...server.of('statefulsets'), ...server.of('secrets')]).toEqual([]);
  });

  it('get another token with another queue, and only then', async () => {
    const before = server.of('statefulsets')[0]?.metadata.annotations?.['cortex-mqtt/secret'];
    await look({ memory_mb: 300 });
    expect(tokens).toBe(1);
    await look({ memory_mb: 300 }, { queueUrl: async () => 'redis://elsewhere:6379' });
    expect(tokens).toBe(2);
    expect(server.of('statefulsets')[0]?.metadata.annotations?.['cortex-mqtt/secret']).not.toBe(before);
  });

  it('of one product get a new image first, the others when it is ready', async () => {
    wanted = [1, 2, 3].map((product_id) => ({ product_id, slug: `p${product_id}`, replicas: 1, is_shared: false }));
    await look();
    const images = () => server.of('statefulsets').map(imageOf).sort();
    const [old, next] = [SETTINGS.image, 'registry.example.com/listener:2'];
    await look({ image: next });
    expect(images()).toEqual([old, old, next]);
    await look({ image: next });
    expect(images()).toEqual([old, old, next]);
    const first = server.of('statefulsets').find((set) => imageOf(set) === next);
    first!.status = { readyReplicas: 1, updatedReplicas: 1 };
    await look({ image: next });
    expect(images()).toEqual([next, next, next]);
  });

  it('that share their load are scaled by KEDA, never to none', async () => {
    wanted = [
      { product_id: 7, slug: 'orders', replicas: 2, is_shared: true },
      { product_id: 8, slug: 'alone', replicas: 1, is_shared: false },
    ];
    await look({ keda_authentication: 'cortex-keda' });
    const [scaled, ...others] = server.of('scaledobjects');
    expect(others).toEqual([]);
    expect(scaled?.spec).toMatchObject({
      scaleTargetRef: { name: 'cortex-test-7' },
      minReplicaCount: 2,
      triggers: [
        { metadata: { url: 'http://cortex:8004/api/v1/products/7/scaling', valueLocation: 'wanted_replicas' } },
      ],
    });
    const set = server.of('statefulsets').find(({ metadata }) => metadata.name === 'cortex-test-7');
    expect(set?.spec).not.toHaveProperty('replicas');
    wanted = wanted.map((listener) => ({ ...listener, is_shared: false }));
    await look({ keda_authentication: 'cortex-keda' });
    expect(server.of('scaledobjects')).toEqual([]);
  });

  it('say how they are', async () => {
    const pod = (name: string, status: object): Pod => ({
      metadata: { name, labels: { 'cortex-mqtt/product': '7' } },
      status: { containerStatuses: [{ ready: false, restartCount: 0, ...status }] },
    });
    const killed = { terminated: { exitCode: 137, reason: 'OOMKilled' } };
    server.pods = [
      pod('a', { state: { waiting: { reason: 'ContainerCreating' } } }),
      pod('b', { state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }),
      pod('c', { ready: true, state: { running: {} } }),
      pod('d', { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: killed, restartCount: 3 }),
      pod('e', { started: true, state: { running: {} } }),
    ];
    await look();
    expect(seen.get(7)).toMatchObject([
      { name: 'a', state: 'pulling', reason: null },
      { name: 'b', state: 'failed', reason: 'the image cannot be pulled: no such image' },
      { name: 'c', state: 'running', reason: null, last_lines: [] },
      { name: 'd', state: 'out_of_memory', exit_code: 137, restarts: 3, last_lines: ['one', 'the last line'] },
      { name: 'e', state: 'unhealthy' },
    ]);
  });

  it('are left alone while the API server refuses, which is logged', async () => {
    writeFileSync(join(account, 'token'), 'another');
    runtime.reconcile();
    await waitFor(() => warn.mock.calls.length > 0);
    expect(String(warn.mock.calls[0]?.[1]?.error)).toContain('401: who are you');
  });
});
