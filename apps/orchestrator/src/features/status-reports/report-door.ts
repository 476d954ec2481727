import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { StatusReply, StatusReport } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import { UnreadableBody } from '../../http/unreadable-body';
import type { FinishedRequest } from '../health/http-metrics';
import { isPlausible } from './report-facts';

export const REPORT_PATH = '/internal/mqtt-status';
/** A report with more than this takes the way of any other request. */
const MAX_BODY_BYTES = 262_144;

export interface ReportDoorDeps {
  /** Whether requests are answered at all. */
  isOpen(): boolean;
  /** The product of a valid listener token; null = the token is none. */
  productOf(token: string): Promise<number | null>;
  take(product_id: number, report: StatusReport): Promise<StatusReply | null>;
  onRequestFinished(request: FinishedRequest): void;
  logger: Logger;
}

/**
 * Answers the reports that make up nearly all requests before Express and its validation cost more than the report itself.
 * Whatever is out of the ordinary, faults included, is passed to `next`, with its body where that has been read.
 */
export function reportDoor(deps: ReportDoorDeps, next: RequestListener): RequestListener {
  return (request, response) => {
    const token = request.method === 'POST' && request.url === REPORT_PATH ? bearerOf(request) : null;
    if (token === null || !deps.isOpen() || !isPlainJson(request)) {
      next(request, response);
      return;
    }
    void takeReport(token, request, response);
  };

  async function takeReport(token: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started_ms = performance.now();
    let reply: StatusReply | null = null;
    try {
      const product_id = await deps.productOf(token);
      if (product_id !== null) {
        const body = await readBody(request);
        // Express finds a body that has been read.
        Object.assign(request, { body });
        if (isPlausible(body)) reply = await deps.take(product_id, body);
      }
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      // The database's, in all likelihood: the full path answers in the usual form.
      deps.logger.debug('a report takes the full path', { error });
    }
    if (reply === null) {
      next(request, response);
      return;
    }
    answer(response, reply, requestIdOf(request));
    const duration_ms = performance.now() - started_ms;
    deps.onRequestFinished({ method: 'POST', route: REPORT_PATH, status: 200, duration_ms });
  }
}

function bearerOf({ headers }: IncomingMessage): string | null {
  const value = headers.authorization;
  return value?.startsWith('Bearer cml_') ? value.slice('Bearer '.length) : null;
}

function isPlainJson({ headers }: IncomingMessage): boolean {
  const length = Number(headers['content-length']);
  return (
    /^application\/json(?:; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '') &&
    headers['content-encoding'] === undefined &&
    length > 0 &&
    length <= MAX_BODY_BYTES
  );
}

function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,100}$/.test(given) ? given : randomUUID();
}

/** The parsed body, or an UnreadableBody. */
function readBody(request: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(new Error('the client is gone'));
    });
    request.on('end', () => {
      const text = (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString('utf8');
      try {
        resolve(JSON.parse(text));
      } catch (error) {
        resolve(new UnreadableBody((error as Error).message));
      }
    });
  });
}

function answer(response: ServerResponse, reply: StatusReply, request_id: string): void {
  const body = Buffer.from(JSON.stringify(reply));
  response.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': request_id,
  });
  response.end(body);
}
