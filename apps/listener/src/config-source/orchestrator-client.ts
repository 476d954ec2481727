import type {
  ConnectionTestRequest,
  LeftSessionOutcome,
  StageResult,
  StatusReply,
  StatusReport,
} from '@cortex-mqtt/contracts';
import { Agent } from '@cortex-mqtt/egress';
import { unknownFieldsOf, withoutFields } from './older-orchestrator';
import type { PostResult } from '../recording/segment-sender';
import type { Claim, LeftSessionRegister } from '../session/left-sessions';

/** Milliseconds one call may take. */
const CALL_LIMIT_MS = 10_000;
const ERROR_EXCERPT = 300;

/** The orchestrator cannot be reached, or answers 5xx: try again later. */
export class OrchestratorUnavailableError extends Error {
  override readonly name = 'OrchestratorUnavailableError';
}

/** 401 or 403: the token is not, or no longer, good. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
  /** The token is not in the database at all, as after a restore: nobody has revoked it. */
  readonly is_unknown: boolean;

  constructor(message: string, { is_unknown = false }: { is_unknown?: boolean } = {}) {
    super(message);
    this.is_unknown = is_unknown;
  }
}

/** 410: the product is deleted, and with it the token. */
export class ProductDeletedError extends TokenRefusedError {}

/** Any other 4xx: the two do not understand each other. */
export class OrchestratorRefusedError extends Error {
  override readonly name = 'OrchestratorRefusedError';
  /** Places that an older orchestrator does not know, where that is all it refuses. */
  readonly unknown_fields: string[] | null;

  constructor(message: string, unknown_fields: string[] | null) {
    super(message);
    this.unknown_fields = unknown_fields;
  }
}

export type ConfigAnswer = { kind: 'unchanged' } | { kind: 'document'; document: unknown; etag: string | null };

/** The internal API as a listener uses it. */
export interface OrchestratorClient {
  fetchConfig(etag: string | null): Promise<ConfigAnswer>;
  postStatus(report: StatusReport): Promise<StatusReply>;
  fetchConnectionTest(id: string): Promise<ConnectionTestRequest>;
  postStages(id: string, stages: StageResult[]): Promise<void>;
  /** Stores recorded messages; never rejects for what the orchestrator answers. */
  postSegment(bytes: Buffer): Promise<PostResult>;
  leftSessions: LeftSessionRegister;
  close(): Promise<void>;
}

export function createOrchestratorClient({
  url,
  token,
  instance_id,
}: {
  url: string;
  token: string;
  instance_id: string;
}): OrchestratorClient {
  const agent = new Agent({ connections: 4, keepAliveTimeout: 30_000, connect: { timeout: 5_000 } });
  /** What an older orchestrator has refused of reports. */
  const unknown_fields = new Set<string>();
  const base = url.replace(/\/+$/, '');

  async function call(method: 'GET' | 'POST', path: string, options: { body?: unknown; etag?: string | null } = {}) {
    const address = new URL(`${base}${path}`);
    let response: Awaited<ReturnType<typeof agent.request>>;
    let text: string;
    try {
      response = await agent.request({
        origin: address.origin,
        path: address.pathname + address.search,
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(options.body === undefined ? {} : { 'content-type': contentType(options.body) }),
          ...(options.etag ? { 'if-none-match': options.etag } : {}),
        },
        body:
          options.body === undefined
            ? null
            : Buffer.isBuffer(options.body)
              ? options.body
              : JSON.stringify(options.body),
        signal: AbortSignal.timeout(CALL_LIMIT_MS),
      });
      text = await response.body.text();
    } catch (error) {
      throw new OrchestratorUnavailableError(`orchestrator not reachable: ${(error as Error).message}`, {
        cause: error,
      });
    }
    const { statusCode: status } = response;
    if (status === 410) throw new ProductDeletedError(excerpt(text));
    if (status === 401 || status === 403)
      throw new TokenRefusedError(`the orchestrator refused the token (${status}): ${excerpt(text)}`, {
        is_unknown: text.includes('"urn:cortex-mqtt:problem:unknown-listener-token"'),
      });
    if (status >= 500 || status === 429)
      throw new OrchestratorUnavailableError(`the orchestrator answered ${status}: ${excerpt(text)}`);
    if (status >= 400) {
      throw new OrchestratorRefusedError(
        `the orchestrator answered ${status}: ${excerpt(text)}`,
        unknownFieldsOf(text),
      );
    }
    return { status, text, etag: typeof response.headers.etag === 'string' ? response.headers.etag : null };
  }

  const parsed = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new OrchestratorUnavailableError('the orchestrator’s answer is not JSON; is the address right?', {
        cause: error,
      });
    }
  };

  return {
    async fetchConfig(etag) {
      const answer = await call('GET', '/internal/v1/mqtt-config', { etag });
      if (answer.status === 304) return { kind: 'unchanged' };
      return { kind: 'document', document: parsed(answer.text), etag: answer.etag };
    },
    async postStatus(report) {
      const post = async () =>
        parsed(
          (await call('POST', '/internal/mqtt-status', { body: withoutFields(report, unknown_fields) })).text,
        ) as StatusReply;
      try {
        return await post();
      } catch (error) {
        // A rolling upgrade in the other order: the instance stays visible with what an older orchestrator knows.
        if (!(error instanceof OrchestratorRefusedError) || error.unknown_fields === null) throw error;
        for (const place of error.unknown_fields) unknown_fields.add(place);
        return post();
      }
    },
    async fetchConnectionTest(id) {
      return parsed(
        (await call('GET', `/internal/v1/connection-tests/${encodeURIComponent(id)}`)).text,
      ) as ConnectionTestRequest;
    },
    async postStages(id, stages) {
      await call('POST', `/internal/v1/connection-tests/${encodeURIComponent(id)}/stages`, { body: { stages } });
    },
    async postSegment(bytes) {
      try {
        await call('POST', '/internal/v1/message-segments', { body: bytes });
        return 'stored';
      } catch (error) {
        // A token that is refused now may be renewed; only what the orchestrator has looked at is refused permanently.
        return error instanceof OrchestratorRefusedError ? 'refused' : 'later';
      }
    },
    leftSessions: {
      async claim(id) {
        const { text } = await call('POST', `/internal/v1/left-sessions/${id}/claim`, { body: { instance_id } });
        return (parsed(text) as { claim: Claim }).claim;
      },
      async report(id, outcome: LeftSessionOutcome) {
        await call('POST', `/internal/v1/left-sessions/${id}/outcome`, { body: { ...outcome, instance_id } });
      },
    },
    close: () => agent.close(),
  };
}

const contentType = (body: unknown): string =>
  Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json';

/** The problem's detail, or the beginning of whatever it was. */
function excerpt(text: string): string {
  try {
    const problem = JSON.parse(text) as { detail?: unknown };
    if (typeof problem.detail === 'string') return problem.detail.slice(0, ERROR_EXCERPT);
  } catch {
    // Not JSON: an error page of something in between.
  }
  return text.slice(0, ERROR_EXCERPT);
}
