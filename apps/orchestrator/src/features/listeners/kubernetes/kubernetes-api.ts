import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';

/** An answer of the API server that is no success. */
export class KubernetesApiError extends Error {
  override readonly name = 'KubernetesApiError';

  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: object[];
  };
  [field: string]: unknown;
}

/** Kinds that listeners are made of, by their place in the API. */
const PLACES = {
  Secret: 'api/v1|secrets',
  Service: 'api/v1|services',
  Pod: 'api/v1|pods',
  StatefulSet: 'apis/apps/v1|statefulsets',
  Deployment: 'apis/apps/v1|deployments',
  PodDisruptionBudget: 'apis/policy/v1|poddisruptionbudgets',
  ScaledObject: 'apis/keda.sh/v1alpha1|scaledobjects',
} as const;
export type Kind = keyof typeof PLACES;

/** Who owns the fields that are applied; another manager's fields are left alone. */
const FIELD_MANAGER = 'cortex-mqtt';
const LIMIT_MS = 30_000;

export interface KubernetesApiOptions {
  url: string;
  namespace: string;
  /** Read at every request: the kubelet renews it. */
  token_file: string;
  ca_file: string;
}

/** Speaks to the API server of a cluster, in one namespace. */
export class KubernetesApi {
  constructor(private readonly options: KubernetesApiOptions) {}

  /** Server-side apply: makes the object or changes the fields that are ours. Gives it as it is stored. */
  async apply<T extends KubernetesObject>(object: T): Promise<T> {
    const path = this.path(object.kind as Kind, object.metadata.name);
    const query = `fieldManager=${FIELD_MANAGER}&force=true`;
    return JSON.parse(await this.call('PATCH', `${path}?${query}`, JSON.stringify(object))) as T;
  }

  async list<T>(kind: Kind, labels: string): Promise<T[]> {
    const items: T[] = [];
    let next = '';
    do {
      const query = `labelSelector=${encodeURIComponent(labels)}&limit=500${next && `&continue=${encodeURIComponent(next)}`}`;
      const page = JSON.parse(await this.call('GET', `${this.path(kind)}?${query}`)) as {
        items: T[];
        metadata?: { continue?: string };
      };
      items.push(...page.items);
      next = page.metadata?.continue ?? '';
    } while (next !== '');
    return items;
  }

  /** null when there is none. */
  async read<T>(kind: Kind, name: string): Promise<T | null> {
    return this.unlessMissing(async () => JSON.parse(await this.call('GET', this.path(kind, name))) as T);
  }

  /** Also when it is gone already. What it owns goes with it. */
  async remove(kind: Kind, name: string): Promise<void> {
    await this.unlessMissing(() => this.call('DELETE', `${this.path(kind, name)}?propagationPolicy=Background`));
  }

  /** What the container before the present one wrote last; empty when the kubelet has it no more. */
  async previousLines(pod: string, count: number): Promise<string[]> {
    const path = `${this.path('Pod', pod)}/log?previous=true&tailLines=${count}`;
    try {
      return (await this.call('GET', path)).split('\n').filter((line) => line !== '');
    } catch (error) {
      if (error instanceof KubernetesApiError && (error.status === 400 || error.status === 404)) return [];
      throw error;
    }
  }

  private async unlessMissing<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof KubernetesApiError && error.status === 404) return null;
      throw error;
    }
  }

  private path(kind: Kind, name?: string): string {
    const [group = '', resource = ''] = PLACES[kind].split('|');
    return `/${group}/namespaces/${this.options.namespace}/${resource}${name === undefined ? '' : `/${name}`}`;
  }

  private async call(method: string, path: string, body?: string): Promise<string> {
    const { url, token_file, ca_file } = this.options;
    const place = new URL(url);
    const is_tls = place.protocol === 'https:';
    const headers = {
      Accept: 'application/json',
      Authorization: `Bearer ${readFileSync(token_file, 'utf8').trim()}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/apply-patch+yaml' }),
    };
    const options = { method, headers, signal: AbortSignal.timeout(LIMIT_MS) };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = is_tls
        ? tlsRequest(new URL(path, place), { ...options, ca: readFileSync(ca_file) }, resolve)
        : plainRequest(new URL(path, place), options, resolve);
      sent.once('error', (error) =>
        reject(new KubernetesApiError(`the API server at ${url} does not answer: ${error.message}`, 0)),
      );
      sent.end(body);
    });
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return text;
    throw new KubernetesApiError(`${method} ${path.split('?')[0]} answered ${status}: ${messageOf(text)}`, status);
  }
}

function messageOf(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: string }).message ?? text.slice(0, 200));
  } catch {
    return text.slice(0, 200);
  }
}
