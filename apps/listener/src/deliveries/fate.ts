import type { Delivery } from '../pipeline/delivery';

/**
 * What becomes of a delivery at the next write to the queue. `lease`: written while it is worked on here; `leave`: given to
 * the queue for whoever has room; `bury`: written as a dead letter; `wait`: not now; `forget`: never, nothing is to be written.
 */
export type Fate = 'lease' | 'leave' | 'bury' | 'wait' | 'forget';

/** What is free where a delivery could go. */
export interface Room {
  /** The product's queue takes another one. */
  isQueueOpen: boolean;
  /** Nothing may become a dead letter: they are at their bound, and it is chosen to hold then. */
  isDeadFull?: boolean;
  /** This process may hold another one that is acknowledged. */
  isMemoryOpen: boolean;
  /** It stops: what waits is left to others. */
  isDraining: boolean;
}

export function fateOf(
  delivery: Pick<Delivery, 'phase' | 'journal' | 'isOver' | 'isOffered' | 'ordering_key'>,
  { isQueueOpen, isDeadFull, isMemoryOpen, isDraining }: Room,
): Fate {
  const { phase, journal } = delivery;
  if (delivery.isOver || journal === 'refused') return 'forget';
  if (journal === 'writing' || journal === 'rewriting') return 'wait';
  if (phase === 'dying') return isDeadFull ? 'wait' : 'bury';
  if (journal === 'none' && !isQueueOpen) return 'wait';
  if (isDraining && phase !== 'running') return 'leave';
  const isOrdered = delivery.ordering_key !== null;
  if (phase === 'paused' && !isOrdered && delivery.isOffered) return 'leave';
  if (journal === 'leased') return 'forget';
  if (isMemoryOpen || phase === 'running') return 'lease';
  // Beyond the bound what only waits is left to whoever has room. An ordered one would lose its place by that.
  return isOrdered ? 'wait' : 'leave';
}
