import { join } from 'node:path';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import type { Logger } from '@cortex-mqtt/observability';
import { GapCounter } from './gap-counter';
import { MessageRecorder } from './message-recorder';
import { createRedaction } from './redaction';
import { createSegmentSender, type PostResult } from './segment-sender';
import { createSegmentSpool } from './segment-spool';

/** Bytes of recorded messages on disk while the orchestrator is away. */
const SPOOL_BYTES = 64 * 1024 * 1024;
/** What is recorded when the listener stops has this long to be stored; then it waits on disk. */
const STOP_LIMIT_MS = 2_000;

/** Everything that records messages of a product. */
export interface Recording {
  recorder: MessageRecorder;
  stop(): Promise<void>;
}

export function createRecording(deps: {
  post(bytes: Buffer): Promise<PostResult>;
  /** The listener's token: what is on disk opens with it alone. */
  secret: string;
  data_dir: string;
  product_id: number;
  engine: ExpressionEngine;
  logger: Logger;
}): Recording {
  const { logger, engine, product_id } = deps;
  const lost = new GapCounter();
  const sender = createSegmentSender({
    post: deps.post,
    spool: createSegmentSpool({
      directory: join(deps.data_dir, 'recording'),
      secret: deps.secret,
      max_bytes: SPOOL_BYTES,
      logger,
    }),
    onLost: ({ messages, from_ms, to_ms, reason }) => {
      lost.add(from_ms, reason, messages);
      lost.add(to_ms, reason, 0);
    },
    logger,
  });
  const recorder = new MessageRecorder({
    sender,
    redact: createRedaction({ engine, product_id, logger }),
    lost: () => lost.take(),
    logger,
  });
  return {
    recorder,
    async stop() {
      await recorder.flush();
      await sender.stop(STOP_LIMIT_MS);
    },
  };
}
