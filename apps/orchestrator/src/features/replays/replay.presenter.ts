import type { ReplayFailureView, ReplayPreviewView, ReplayProgressView, ReplayView } from './replay.dto';
import type { ReplayEntity } from './replay.entity';

export function presentReplay(
  replay: ReplayEntity,
  progress: ReplayProgressView,
  failures: ReplayFailureView[],
  previews: ReplayPreviewView[],
): ReplayView {
  const { id, product_id, state, selection, only, ids, rate_per_s, pace, target, plan, error, requested_by } = replay;
  return {
    id,
    product_id,
    state,
    selection,
    only,
    ids,
    rate_per_s,
    pace,
    target,
    plan: { ...plan, by_outcome: plan.by_outcome ?? {}, previews },
    progress,
    failures,
    error,
    requested_by,
    created_at: replay.created_at.toISOString(),
    started_at: replay.started_at?.toISOString() ?? null,
    finished_at: replay.finished_at?.toISOString() ?? null,
  };
}
