import type { Logger } from '@cortex-mqtt/observability';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import type { Response } from 'express';
import { KEEP_ALIVE_MS, openEventStream, sendEvent, sendKeepAlive } from '../../http/event-stream';
import type { DataKeys } from './data-keys';
import { presentMessage, type Reading } from './message.presenter';
import type { MessageScan } from './message-scan';
import { type MessageWish, messageTest } from './message-test';
import { SealedContent } from './sealed-content';
import type { MessageStore } from './store/message-store';
import type { StoredMessage } from './stored-message';

/** How often the store is asked for what is new. */
const LOOK_EVERY_MS = 500;
/** Messages a second that are shown; nobody reads more. */
const PER_SECOND = 20;
const SEGMENTS_A_LOOK = 8;

export interface TailDeps {
  store: MessageStore;
  scan: MessageScan;
  keys: DataKeys;
  engine: ExpressionEngine;
  logger: Logger;
}

/** Shows messages as they are stored, as server-sent events, and says how many it left out. */
export class MessageTail {
  constructor(private readonly deps: TailDeps) {}

  async follow(
    product_id: number,
    wish: MessageWish,
    response: Response,
    readingOf: (messages: StoredMessage[]) => Promise<Reading>,
  ): Promise<void> {
    const { store, keys, engine, logger } = this.deps;
    const test = messageTest(wish, { product_id, engine });
    const content = new SealedContent(product_id, await keys.keyOf(product_id));
    let sequence = await store.newestSequence(product_id);
    let timer: NodeJS.Timeout | null = null;
    let isGone = false;
    openEventStream(response);
    response.write('retry: 2000\n\n');
    const keepAlive = setInterval(() => sendKeepAlive(response), KEEP_ALIVE_MS);
    response.once('close', () => {
      isGone = true;
      clearInterval(keepAlive);
      if (timer) clearTimeout(timer);
    });

    const look = async (): Promise<void> => {
      const heads = await store.segmentsSince(product_id, sequence, SEGMENTS_A_LOOK);
      const found: StoredMessage[] = [];
      let left_out = 0;
      for (const head of heads) {
        sequence = head.sequence;
        const { all } = await this.deps.scan.open(product_id, head, content);
        for (const message of all) {
          if (!(await test(message))) continue;
          if (found.length < PER_SECOND * (LOOK_EVERY_MS / 1_000)) found.push(message);
          else left_out += 1;
        }
      }
      if (heads.length === SEGMENTS_A_LOOK) {
        // More comes than anybody can look at: what has piled up is passed over, and said so.
        const newest = await store.newestSequence(product_id);
        left_out += await store.messagesSince(product_id, sequence, newest);
        sequence = newest;
      }
      if (isGone || (found.length === 0 && left_out === 0)) return;
      const reading = await readingOf(found);
      sendEvent(response, 'messages', { items: found.map((message) => presentMessage(message, reading)), left_out });
    };
    const turn = (): void => {
      look()
        .catch((error: unknown) => logger.warn('new messages could not be shown', { product_id, error }))
        .finally(() => {
          if (!isGone) timer = setTimeout(turn, LOOK_EVERY_MS);
        });
    };
    turn();
  }
}
