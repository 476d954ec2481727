import type { Response } from 'express';

/** A comment line this often keeps proxies from ending a silent stream. */
export const KEEP_ALIVE_MS = 15_000;

/**
 * Begins server-sent events on `response`. The headers leave at once, and tell nginx not to gather the answer and
 * everybody else not to transform it (a proxy that compresses also gathers).
 */
export function openEventStream(response: Response): void {
  response.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
}

/** One server-sent event; with `id` a browser that reconnects says where it was. */
export function sendEvent(response: Response, event: string, data: unknown, id?: string | number): void {
  response.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

export function sendKeepAlive(response: Response): void {
  response.write(': keep-alive\n\n');
}
