import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDirectory } from '@cortex-mqtt/testing';
import * as apps from 'kubernetes-models/apps/v1';
import * as batch from 'kubernetes-models/batch/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as rbac from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import * as core from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { helm } from './harness/helm';

jest.setTimeout(120_000);

const CHART = join(__dirname, '..', '..', 'deploy', 'helm', 'cortex-mqtt');
const SCHEMAS: Record<string, unknown> = {
  v1: core,
  'apps/v1': apps,
  'batch/v1': batch,
  'networking.k8s.io/v1': networking,
  'policy/v1': policy,
  'rbac.authorization.k8s.io/v1': rbac,
};
type Models = Record<string, new (data: object) => { validate(): void }>;
/** Kinds of other projects, of which there are no schemas here. */
const FOREIGN = ['ServiceMonitor', 'PodMonitor', 'TriggerAuthentication'];

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  [field: string]: unknown;
}
interface PodSpec {
  automountServiceAccountToken?: boolean;
  serviceAccountName?: string;
  securityContext: object;
  containers: { env?: { name: string; value?: string }[]; securityContext: object }[];
}

describe('the Helm chart', () => {
  let home: string;
  beforeAll(() => {
    home = createTestDirectory('helm-home');
  });

  const run = (...args: string[]) =>
    spawnSync(helm(), args, { encoding: 'utf8', env: { PATH: process.env.PATH ?? '', HOME: home } });
  const values = (name: string) => ['-f', join(CHART, 'ci', `${name}.yaml`)];
  const rendered = (...args: string[]): string => {
    const { status, stdout, stderr } = run('template', 'cortex', CHART, '--namespace', 'shop', ...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  };
  const manifests = (text: string): Manifest[] =>
    parseAllDocuments(text).flatMap((document) => (document as { toJS(): Manifest | null }).toJS() ?? []);
  const podsOf = (all: Manifest[]): PodSpec[] =>
    all
      .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
      .map(({ spec }) => (spec as { template: { spec: PodSpec } }).template.spec);

  describe.each(['minimal', 'everything'])('with the values "%s"', (name) => {
    it('passes the linter', () => {
      const { status, stdout } = run('lint', '--strict', CHART, ...values(name));
      expect({ status, failed: /, 0 chart\(s\) failed/.test(stdout) }).toEqual({ status: 0, failed: true });
    });

    it('renders what stands in golden/ (UPDATE_GOLDEN=1 writes it)', () => {
      const file = join(CHART, 'golden', `${name}.yaml`);
      const text = rendered(...values(name));
      if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text);
      expect(text).toBe(readFileSync(file, 'utf8'));
    });

    it('renders what Kubernetes accepts, each with a name of its own', () => {
      const all = manifests(rendered(...values(name)));
      const names = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
      for (const manifest of all.filter(({ kind }) => !FOREIGN.includes(kind))) {
        const Model = (SCHEMAS[manifest.apiVersion] as Models | undefined)?.[manifest.kind];
        if (Model === undefined) throw new Error(`there is no ${manifest.apiVersion} ${manifest.kind}`);
        expect(() => new Model(manifest).validate()).not.toThrow();
      }
    });

    it('keeps to the restricted pod security', () => {
      const pods = podsOf(manifests(rendered(...values(name))));
      expect(pods).toHaveLength(2);
      for (const { securityContext, containers } of pods) {
        expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
        for (const container of containers) {
          expect(container.securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
        }
      }
    });

    it('sets only variables that the orchestrator knows', () => {
      const known = readFileSync(join(CHART, '..', '..', '..', '.env.example'), 'utf8');
      const [deployment] = podsOf(manifests(rendered(...values(name)))).filter((pod) => pod.serviceAccountName);
      const names = deployment?.containers[0]?.env?.map((variable) => variable.name) ?? [];
      expect(names.length).toBeGreaterThan(10);
      expect(names.filter((variable) => !new RegExp(`^#?\\s*${variable}=`, 'm').test(known))).toEqual([]);
    });
  });

  it.each([
    ['no secret', []],
    ['an ingress without a host', ['--set', 'existingSecret=a,ingress.enabled=true']],
    ['KEDA without a token', ['--set', 'existingSecret=a,keda.enabled=true']],
    ['a value that is not known', ['--set', 'existingSecret=a,replica=2']],
    ['no replica', ['--set', 'existingSecret=a,replicas=0']],
  ])('refuses %s', (_name, args) => {
    const { status, stderr } = run('template', 'cortex', CHART, ...args);
    expect(status).not.toBe(0);
    expect(stderr).toContain("don't meet the specifications of the schema");
  });

  it('gives the orchestrator the rights that its runtime uses, and no others', () => {
    const sources = join(CHART, '..', '..', '..', 'apps', 'orchestrator', 'src', 'features', 'listeners', 'kubernetes');
    const [role] = manifests(rendered(...values('everything'))).filter(({ kind }) => kind === 'Role');
    const rules = role?.rules as { resources: string[]; verbs: string[] }[];
    const granted = new Map(rules.map(({ resources, verbs }) => [resources[0], verbs]));
    const places = readFileSync(join(sources, 'kubernetes-api.ts'), 'utf8').matchAll(/'apis?\/[^|]+\|(\w+)'/g);
    const used = [...places].map(([, resource]) => resource);
    expect([...granted.keys()].filter((resource) => resource !== 'pods/log').sort()).toEqual(used.sort());
    expect(granted.get('secrets')).toEqual(['create', 'patch', 'delete']);
    expect(rules.flatMap(({ verbs }) => verbs)).not.toContain('*');
  });

  it('selects pods of its release only, and what the orchestrator makes by the same labels', () => {
    const text = execFileSync(helm(), ['template', 'another-release', CHART, ...values('everything')], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '', HOME: home },
    });
    const policy = manifests(text).find(({ metadata }) => metadata.name === 'another-release-cortex-mqtt-listeners');
    expect(policy?.spec).toMatchObject({
      podSelector: { matchLabels: { 'cortex-mqtt/installation': 'another-release' } },
    });
    expect(text).toContain('{name: LISTENER_INSTALLATION, value: another-release}');
  });
});
