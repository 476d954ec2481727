import { recordId } from '@cortex-mqtt/messages';
import type { Delivery } from '../pipeline/delivery';
import type { PipelineMessage } from '../pipeline/pipeline-message';
import type { MessageRecord } from '../pipeline/message-record';

/** A message of this process, from its receipt to the end of its deliveries. Its id is made when it is asked for. */
export class OpenRecord implements MessageRecord {
  readonly deliveries: Delivery[] = [];
  readonly replay_id = null;
  isClosed = false;
  /** It is in a segment, or will be. */
  isKept = false;
  paused: number[] | null = null;
  onStored: (() => void)[] | null = null;
  private own_id: string | null;

  constructor(
    readonly message: PipelineMessage,
    private readonly maker: string,
    private readonly number: number,
    /** Of a message that had an id before. */
    id: string | null = null,
  ) {
    this.own_id = id;
  }

  get id(): string {
    this.own_id ??= recordId(this.message.received_at_ms, this.maker, this.number);
    return this.own_id;
  }
}

/** A message that was recorded before: by another process, or by this one before it went to the queue. */
export class ClosedRecord implements MessageRecord {
  readonly isClosed = true;

  constructor(
    readonly id: string,
    readonly replay_id: string | null,
  ) {}
}
