import { setTimeout as pause } from 'node:timers/promises';
import type { AppliedProductView } from './configuration-plan.view';

const LOOK_EVERY_MS = 200;

/** How far the listeners of a product are. */
export interface ListenerProgress {
  /** Revision that every live instance runs; null = no instance lives. */
  applied_revision: number | null;
  /** Why an instance refuses a revision; null = none does. */
  rejected: string | null;
}

/** Fills in `listeners` of each product: waits until all have applied what was written, or the time is over. */
export async function waitForListeners(
  products: AppliedProductView[],
  { limit_ms, progressOf }: { limit_ms: number; progressOf(product_id: number): Promise<ListenerProgress> },
): Promise<void> {
  const until = Date.now() + limit_ms;
  let waiting = products;
  for (;;) {
    for (const product of waiting) Object.assign(product, await look(product, progressOf));
    waiting = waiting.filter(({ listeners }) => listeners === 'waiting');
    if (waiting.length === 0 || Date.now() >= until) return;
    await pause(LOOK_EVERY_MS);
  }
}

async function look(
  { product_id, revision }: AppliedProductView,
  progressOf: (product_id: number) => Promise<ListenerProgress>,
): Promise<Partial<AppliedProductView>> {
  const { applied_revision, rejected } = await progressOf(product_id ?? 0);
  if (applied_revision === null) return { listeners: 'none' };
  if (applied_revision >= (revision ?? 0)) return { listeners: 'applied' };
  return rejected === null ? { listeners: 'waiting' } : { listeners: 'rejected', error: rejected };
}
