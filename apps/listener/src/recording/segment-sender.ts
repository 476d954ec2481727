import { setTimeout as sleep } from 'node:timers/promises';
import { waitAtMost } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import type { SegmentSpool } from './segment-spool';

/** A packed segment on its way to the orchestrator. */
export interface PackedSegment {
  id: string;
  bytes: Buffer;
  messages: number;
  from_ms: number;
  to_ms: number;
  /** Stored, or given up permanently. */
  onStored(): void;
}

/** How the orchestrator took a segment: `refused` permanently, `later` = it can't be reached or can't take it now. */
export type PostResult = 'stored' | 'refused' | 'later';

export interface SenderLimits {
  /** Bytes of packed segments in memory, beyond which they go to disk. */
  memory_bytes: number;
  /** Posts at once. */
  parallel: number;
  retry_min_ms: number;
  retry_max_ms: number;
}

const DEFAULT_LIMITS: SenderLimits = {
  memory_bytes: 8 * 1024 * 1024,
  parallel: 2,
  retry_min_ms: 250,
  retry_max_ms: 10_000,
};

export interface SegmentSender {
  /** Neither memory nor disk has room: what is received now is left out. */
  readonly isFull: boolean;
  send(segment: PackedSegment): void;
  /** Sends what it can within `limit_ms`, and leaves the rest on disk. */
  stop(limit_ms: number): Promise<void>;
}

export interface SegmentSenderDeps {
  post(bytes: Buffer): Promise<PostResult>;
  spool: SegmentSpool;
  /** Messages of segments that nobody took. */
  onLost(segment: { messages: number; from_ms: number; to_ms: number; reason: 'refused' | 'lost' }): void;
  logger: Logger;
  limits?: Partial<SenderLimits>;
}

/**
 * Posts segments, oldest first, and again until the orchestrator has stored them. What doesn't fit into memory waits on
 * disk, also over a restart.
 */
export function createSegmentSender(deps: SegmentSenderDeps): SegmentSender {
  const { post, spool, logger } = deps;
  const limits: SenderLimits = { ...DEFAULT_LIMITS, ...deps.limits };
  const waiting: PackedSegment[] = [];
  const stopping = new AbortController();
  let memory_bytes = 0;
  let posting = 0;
  let isAway = false;
  let pause_ms = limits.retry_min_ms;
  let running: Promise<void> | null = null;

  const tell = (now: boolean): void => {
    if (isAway === now) return;
    isAway = now;
    if (now) logger.warn('recorded messages cannot be stored now; they are kept here and sent later');
    else logger.info('recorded messages are stored again');
  };

  const lose = (segment: PackedSegment, reason: 'refused' | 'lost'): void => {
    deps.onLost({ messages: segment.messages, from_ms: segment.from_ms, to_ms: segment.to_ms, reason });
    segment.onStored();
  };

  const postOne = async (segment: PackedSegment): Promise<PostResult> => {
    posting += 1;
    try {
      const result = await post(segment.bytes);
      if (result === 'stored') segment.onStored();
      else if (result === 'refused') lose(segment, 'refused');
      else waiting.unshift(segment);
      if (result !== 'later') memory_bytes -= segment.bytes.length;
      return result;
    } finally {
      posting -= 1;
    }
  };

  const turn = async (): Promise<PostResult> => {
    const batch = waiting.splice(0, limits.parallel);
    if (batch.length > 0) {
      const results = await Promise.all(batch.map(postOne));
      return results.includes('later') ? 'later' : 'stored';
    }
    const spooled = await spool.oldest();
    if (spooled === null) return 'stored';
    const result = await post(spooled.bytes);
    if (result === 'later') return 'later';
    if (result === 'refused')
      deps.onLost({ messages: spooled.messages, from_ms: spooled.at_ms, to_ms: spooled.at_ms, reason: 'refused' });
    await spool.remove(spooled.name);
    return result;
  };

  const loop = async (): Promise<void> => {
    while ((waiting.length > 0 || spool.count > 0) && !stopping.signal.aborted) {
      const result = await turn().catch((error: unknown): PostResult => {
        logger.warn('a recorded segment could not be sent', { error });
        return 'later';
      });
      tell(result === 'later');
      if (result !== 'later') {
        pause_ms = limits.retry_min_ms;
        continue;
      }
      await spill();
      await sleep(pause_ms, undefined, { signal: stopping.signal }).catch(() => undefined);
      pause_ms = Math.min(pause_ms * 2, limits.retry_max_ms);
    }
  };

  /** The oldest in memory go to disk when there is too much; those that acknowledgements wait for stay. */
  const spill = async (all = false): Promise<void> => {
    while (waiting.length > 0 && (all || memory_bytes > limits.memory_bytes / 2)) {
      const segment = waiting.shift() as PackedSegment;
      memory_bytes -= segment.bytes.length;
      if (await spool.add(segment)) segment.onStored();
      else lose(segment, 'lost');
    }
  };

  const run = (): void => {
    if (running || stopping.signal.aborted) return;
    running = loop().finally(() => {
      running = null;
      if (waiting.length > 0) run();
    });
  };
  // What a former life of this process left.
  if (spool.count > 0) run();

  return {
    get isFull() {
      return memory_bytes >= limits.memory_bytes && (posting > 0 || !spool.hasRoom);
    },
    send(segment) {
      memory_bytes += segment.bytes.length;
      waiting.push(segment);
      run();
    },
    async stop(limit_ms) {
      if (!isAway && running) await waitAtMost(limit_ms, running);
      stopping.abort();
      await running;
      await spill(true);
    },
  };
}
