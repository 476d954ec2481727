import type { Logger } from '@cortex-mqtt/observability';
import type { Response } from 'express';
import type { ChangeFeed } from '../../database/change-feed';
import { KEEP_ALIVE_MS, openEventStream, sendEvent, sendKeepAlive } from '../../http/event-stream';
import type { ConnectionStatusService } from './connection-status.service';
import type { ConnectionStatusView } from './connection-status.view';
import { decodeStatusChange, STATUS_CHANNEL } from './status-channel';

/** Changes of one product are sent at most this often. */
const THROTTLE_MS = 250;

/** Writes what is new to one browser. `status` reads the product's status, once for all who ask. */
export type Update = (status: () => Promise<ConnectionStatusView>) => Promise<void>;

/**
 * Sends status changes to browsers as server-sent events. It follows the change feed, so that a report taken in by any
 * orchestrator reaches the browsers of every other.
 */
export class StatusStream {
  private readonly subscribers = new Map<number, Map<Response, Update>>();
  private readonly scheduled = new Map<number, NodeJS.Timeout>();
  /** Products that changed once more while their change was waiting or being told. */
  private readonly missed = new Set<number>();
  private keepAlive: NodeJS.Timeout | null = null;

  constructor(
    private readonly deps: {
      changes: ChangeFeed;
      connectionStatus: Pick<ConnectionStatusService, 'read'>;
      logger: Logger;
    },
  ) {
    deps.changes.follow({
      channels: [STATUS_CHANNEL],
      onChange: (_channel, payload) => {
        for (const product_id of decodeStatusChange(payload).product_ids) this.changed(product_id);
      },
      // Whatever changed while nobody listened is sent now.
      onGap: () => {
        for (const product_id of this.subscribers.keys()) this.changed(product_id);
      },
    });
  }

  start(): void {
    this.keepAlive = setInterval(() => this.eachResponse(sendKeepAlive), KEEP_ALIVE_MS);
  }

  stop(): void {
    if (this.keepAlive) clearInterval(this.keepAlive);
    for (const timer of this.scheduled.values()) clearTimeout(timer);
    this.eachResponse((response) => response.end());
  }

  /** Sends the status of a product now and on every change. */
  subscribe(product_id: number, response: Response, first: ConnectionStatusView): void {
    this.follow(product_id, response, async (status) => sendEvent(response, 'status', await status()));
    sendEvent(response, 'status', first);
  }

  /**
   * Takes over `response`; it ends with the browser's connection or with `stop()`. `update` is called, never twice at
   * once, whenever something was reported of the product.
   */
  follow(product_id: number, response: Response, update: Update): void {
    openEventStream(response);
    response.write('retry: 2000\n\n');
    const group = this.subscribers.get(product_id) ?? new Map<Response, Update>();
    group.set(response, update);
    this.subscribers.set(product_id, group);
    response.once('close', () => {
      group.delete(response);
      if (group.size === 0) this.subscribers.delete(product_id);
    });
  }

  /** A product has changed; its watchers hear of it shortly, several changes as one. */
  private changed(product_id: number): void {
    if (!this.subscribers.has(product_id)) return;
    if (this.scheduled.has(product_id)) {
      this.missed.add(product_id);
      return;
    }
    this.scheduled.set(
      product_id,
      setTimeout(() => {
        void this.broadcast(product_id).finally(() => {
          this.scheduled.delete(product_id);
          if (this.missed.delete(product_id)) this.changed(product_id);
        });
      }, THROTTLE_MS),
    );
  }

  private async broadcast(product_id: number): Promise<void> {
    // Read once for all who watch it, and only when somebody does.
    let reading: Promise<ConnectionStatusView> | null = null;
    const status = () => {
      reading ??= this.deps.connectionStatus.read(product_id);
      return reading;
    };
    for (const update of [...(this.subscribers.get(product_id)?.values() ?? [])]) {
      try {
        await update(status);
      } catch (error) {
        this.deps.logger.warn('a change could not be streamed', { product_id, error });
      }
    }
  }

  private eachResponse(work: (response: Response) => void): void {
    for (const group of this.subscribers.values()) for (const response of group.keys()) work(response);
  }
}
