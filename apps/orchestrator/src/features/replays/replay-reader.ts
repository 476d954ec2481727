import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import { timeKey } from '@cortex-mqtt/messages';
import type { MessageScan } from '../messages/message-scan';
import { messageTest } from '../messages/message-test';
import type { StoredMessage } from '../messages/stored-message';
import { isChosen } from './replay-pairs';
import type { ReplayEntity } from './replay.entity';

/** What of a replay says which messages it is of. */
export type Selected = Pick<ReplayEntity, 'product_id' | 'selection' | 'before_id'>;

/** Reads the selection of a replay, oldest first. */
export class ReplayReader {
  constructor(private readonly deps: { scan: MessageScan; engine: ExpressionEngine }) {}

  /** Messages after `position_id`, one by one; ends with the selection. */
  async *after({ product_id, selection, before_id }: Selected, position_id: string): AsyncGenerator<StoredMessage> {
    const { topic, subscription_id, text, where, message_ids } = selection;
    const test = messageTest({ topic, subscription_id, text, where }, { product_id, engine: this.deps.engine });
    const ids = message_ids === undefined ? null : [...message_ids].sort();
    const first = ids?.[0] ?? null;
    const from_id = first !== null && first > position_id ? first : position_id;
    const filter = {
      from_id,
      before_id,
      topic_filter: topic ?? null,
      subscription_id: subscription_id ?? null,
      outcomes: null,
    };
    for await (const message of this.deps.scan.oldest({ product_id, filter })) {
      if (message.id <= position_id) continue;
      if (isChosen(message, selection) && (await test(message))) yield message;
    }
  }
}

/** Where a selection begins and where it is cut off: what is received later is not part of it. */
export function boundsOf(selection: ReplayEntity['selection']): { position_id: string; before_id: string } {
  const now_ms = Date.now() + 1;
  const to_ms = selection.to === undefined ? now_ms : Math.min(Date.parse(selection.to), now_ms);
  return {
    position_id: timeKey(selection.from === undefined ? 0 : Date.parse(selection.from)),
    before_id: timeKey(to_ms),
  };
}
