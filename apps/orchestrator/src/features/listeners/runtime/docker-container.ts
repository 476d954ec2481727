import { createHash } from 'node:crypto';
import type { ListenerMember } from './listener-runtime';

/** Seconds a listener may take to end what is in flight; more than its own STOP_TIMEOUT. */
export const STOP_GRACE_S = 30;
export const SECRETS_FOLDER = '/run/cortex';
/** `node` in the image. */
export const LISTENER_UID = 1_000;
export const LABEL = {
  installation: 'cortex-mqtt.installation',
  product: 'cortex-mqtt.product',
  ordinal: 'cortex-mqtt.ordinal',
  slug: 'cortex-mqtt.slug',
  /** Image and settings that all containers have in common. */
  generation: 'cortex-mqtt.generation',
  /** All that a container is made from, but its secrets. */
  spec: 'cortex-mqtt.spec',
};
/** Variables that no `docker inspect` may show. */
const SECRET_VARIABLES = ['LISTENER_TOKEN', 'QUEUE_URL'];
const S = 1e9;

export interface ContainerSettings {
  /** Sets containers of this orchestrator apart from those of others on the same engine. */
  installation: string;
  image: string;
  /** Name of a network; undefined = the engine's default one. */
  network: string | undefined;
  memory_mb: number;
  cpus: number;
}

/** What a container's name, labels and volumes are: by id and not by slug, which can change while the volume must stay. */
export function containerName(installation: string, { product_id, ordinal }: Omit<ListenerMember, 'slug'>): string {
  const base = `cortex-${installation}-listener-${product_id}`;
  return ordinal === 1 ? base : `${base}-${ordinal}`;
}

export function generationOf(
  { network, memory_mb, cpus }: ContainerSettings,
  { image_id, fixed_environment }: { image_id: string; fixed_environment: Record<string, string> },
): string {
  return hashOf({ image_id, network, memory_mb, cpus, fixed_environment });
}

export const specOf = (member: ListenerMember, generation: string): string => hashOf({ ...member, generation });

const hashOf = (what: object): string => createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 32);

/** The secrets of an environment as files, the rest with the paths of those. */
export function splitSecrets(environment: Record<string, string>): {
  plain: string[];
  secrets: Record<string, string>;
} {
  const secrets: Record<string, string> = {};
  const plain: string[] = [];
  for (const [variable, value] of Object.entries(environment)) {
    if (!SECRET_VARIABLES.includes(variable)) plain.push(`${variable}=${value}`);
    else {
      secrets[variable] = value;
      plain.push(`${variable}_FILE=${SECRETS_FOLDER}/${variable}`);
    }
  }
  return { plain, secrets };
}

/** The body of `POST /containers/create`. */
export function containerBody(
  member: ListenerMember,
  { installation, image, network, memory_mb, cpus }: ContainerSettings,
  { environment, generation }: { environment: string[]; generation: string },
): object {
  const name = containerName(installation, member);
  return {
    Image: image,
    Env: environment,
    Labels: {
      [LABEL.installation]: installation,
      [LABEL.product]: String(member.product_id),
      [LABEL.ordinal]: String(member.ordinal),
      [LABEL.slug]: member.slug,
      [LABEL.generation]: generation,
      [LABEL.spec]: specOf(member, generation),
    },
    StopTimeout: STOP_GRACE_S,
    Healthcheck: {
      Test: ['CMD', 'node', 'apps/listener/dist/healthcheck.js'],
      Interval: 10 * S,
      Timeout: 5 * S,
      StartPeriod: 10 * S,
      Retries: 6,
    },
    HostConfig: {
      NetworkMode: network,
      Memory: memory_mb * 1_048_576,
      MemorySwap: memory_mb * 1_048_576,
      NanoCpus: Math.round(cpus * 1e9),
      PidsLimit: 256,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      RestartPolicy: { Name: 'unless-stopped' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      Mounts: [
        { Type: 'volume', Source: `${name}-data`, Target: '/data' },
        { Type: 'volume', Source: `${name}-secrets`, Target: SECRETS_FOLDER },
      ],
    },
  };
}
