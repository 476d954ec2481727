import { type IncomingMessage, request } from 'node:http';

/** An answer of the engine that is no success. */
export class DockerEngineError extends Error {
  override readonly name = 'DockerEngineError';

  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export interface ListedContainer {
  Id: string;
  Names: string[];
  State: string;
  /** For people, such as `Up 5 minutes (healthy)`: the only place of a list that has the health. */
  Status: string;
  Labels: Record<string, string>;
}

export interface ContainerEvent {
  /** `die`, `oom`, `start`, `health_status: healthy` */
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

/** The part of the engine's API (1.41, Docker 20.10) that keeping containers takes. */
const API = '/v1.41';
const LIMIT_MS = 60_000;

/** Speaks to a Docker engine over its socket, or over plain HTTP on loopback. */
export class DockerEngine {
  constructor(private readonly deps: { host: string }) {}

  async imageId(image: string): Promise<string> {
    const { Id } = await this.json<{ Id: string }>('GET', `/images/${encodeURIComponent(image)}/json`);
    return Id;
  }

  async pull(image: string): Promise<void> {
    // The answer is the progress; it ends when the image is there.
    const text = (
      await this.call('POST', `/images/create?fromImage=${encodeURIComponent(image)}`, undefined, 600_000)
    ).toString();
    const fault = /"error":"([^"]+)"/.exec(text)?.[1];
    if (fault !== undefined) throw new DockerEngineError(fault, 500);
  }

  list(label: string): Promise<ListedContainer[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
    return this.json('GET', `/containers/json?all=1&filters=${filters}`);
  }

  /** How often the engine has started it again. */
  async restarts(id: string): Promise<number> {
    try {
      return (await this.json<{ RestartCount: number }>('GET', `/containers/${id}/json`)).RestartCount;
    } catch (error) {
      // Gone since it was listed.
      if (error instanceof DockerEngineError && error.status === 404) return 0;
      throw error;
    }
  }

  async create(name: string, body: object): Promise<string> {
    const { Id } = await this.json<{ Id: string }>('POST', `/containers/create?name=${encodeURIComponent(name)}`, body);
    return Id;
  }

  /** Puts files into a folder of a container; the archive is a tar. */
  async put(id: string, path: string, archive: Buffer): Promise<void> {
    await this.call('PUT', `/containers/${id}/archive?path=${encodeURIComponent(path)}`, archive);
  }

  async start(id: string): Promise<void> {
    await this.call('POST', `/containers/${id}/start`);
  }

  async stop(id: string, grace_s: number): Promise<void> {
    await this.call('POST', `/containers/${id}/stop?t=${grace_s}`, undefined, (grace_s + 30) * 1_000);
  }

  async remove(id: string): Promise<void> {
    await this.call('DELETE', `/containers/${id}?force=1`);
  }

  /** The last lines of both outputs. */
  async lastLines(id: string, count: number): Promise<string[]> {
    const stream = await this.call('GET', `/containers/${id}/logs?stdout=1&stderr=1&tail=${count}`);
    const lines: string[] = [];
    // Each piece has a header of 8 bytes; the last four are its length.
    for (let at = 0; at + 8 <= stream.length; ) {
      const length = stream.readUInt32BE(at + 4);
      lines.push(
        stream
          .subarray(at + 8, at + 8 + length)
          .toString()
          .trimEnd(),
      );
      at += 8 + length;
    }
    return lines;
  }

  /** What happens to containers of a label, until `signal` is aborted or the engine goes away; then it resolves or rejects. */
  async events(label: string, onEvent: (event: ContainerEvent) => void, signal: AbortSignal): Promise<void> {
    const filters = { type: ['container'], label: [label], event: ['die', 'oom', 'start', 'health_status'] };
    const path = `${API}/events?filters=${encodeURIComponent(JSON.stringify(filters))}`;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ ...this.place(), method: 'GET', path, signal }, resolve)
        .once('error', reject)
        .end();
    });
    if (response.statusCode !== 200) throw new DockerEngineError('the Docker engine shows no events', 0);
    let rest = '';
    response.setEncoding('utf8');
    for await (const piece of response) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') onEvent(JSON.parse(line) as ContainerEvent);
    }
  }

  private async json<T>(method: string, path: string, body?: object): Promise<T> {
    return JSON.parse((await this.call(method, path, body)).toString()) as T;
  }

  private call(method: string, path: string, body?: object | Buffer, limit_ms = LIMIT_MS): Promise<Buffer> {
    const data = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const type = Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json';
    const headers = data === undefined ? {} : { 'Content-Type': type, 'Content-Length': data.length };
    return new Promise((resolve, reject) => {
      const sent = request(
        { ...this.place(), method, path: `${API}${path}`, headers, signal: AbortSignal.timeout(limit_ms) },
        (response) => {
          received(response).then((answer) => {
            const status = response.statusCode ?? 0;
            // 304: it was so already.
            if (status < 400) resolve(answer);
            else reject(new DockerEngineError(messageOf(answer, status), status));
          }, reject);
        },
      );
      sent.once('error', (error) =>
        reject(new DockerEngineError(`the Docker engine at ${this.deps.host} does not answer: ${error.message}`, 0)),
      );
      sent.end(data);
    });
  }

  private place(): { socketPath: string } | { host: string; port: number } {
    const { host } = this.deps;
    if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
    const url = new URL(host.replace(/^tcp:/, 'http:'));
    return { host: url.hostname, port: Number(url.port || 2375) };
  }
}

async function received(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function messageOf(answer: Buffer, status: number): string {
  try {
    return (JSON.parse(answer.toString()) as { message: string }).message;
  } catch {
    return `the Docker engine answered ${status}`;
  }
}
