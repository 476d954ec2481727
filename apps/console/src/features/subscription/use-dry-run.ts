import { useEffect, useState } from 'react';
import { post } from '../../api/client';
import type { DryRunResult } from '../../api/types';
import { texts } from '../../texts';
import { messageOf, type Sample } from './sample-message';
import { bodyOfDraft, type SubscriptionDraft } from './subscription-draft';
import type { TaggedSubscription } from './subscription-query';

const words = texts.subscription;

/** Runs the draft, saved or not, on the sample. */
export function useDryRun({
  productId,
  loaded,
  draft,
  sample,
  unread,
}: {
  productId: number;
  loaded: TaggedSubscription | null;
  draft: SubscriptionDraft;
  sample: Sample;
  /** Why something typed can't be read; null when all can. */
  unread: string | null;
}) {
  const [result, setResult] = useState<DryRunResult | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [running, setRunning] = useState(false);
  const [ranOn, setRanOn] = useState('');
  const now = JSON.stringify([draft, sample]);
  useEffect(() => {
    if (result === null) setRanOn('');
  }, [result]);
  const run = async () => {
    setRunning(true);
    setError(null);
    try {
      const path = `/products/${productId}/mqtt-config/subscriptions` as const;
      setResult(
        await post<DryRunResult>(loaded ? `${path}/${loaded.subscription.id}/dry-run` : `${path}/dry-run`, {
          message: messageOf(sample, draft.payload_format),
          draft: bodyOfDraft(draft),
        }),
      );
      setRanOn(now);
    } catch (failure) {
      setResult(null);
      setError(failure);
    } finally {
      setRunning(false);
    }
  };
  const stale = result !== null && ranOn !== now;
  const isComplete = draft.name !== '' && draft.topic !== '';
  return {
    result,
    error,
    running,
    stale,
    blocked: isComplete ? unread : words.dryRun.saveFirst,
    outcomes: new Map(stale ? [] : (result?.actions ?? []).map((action) => [action.action_id, action])),
    run: () => void run(),
  };
}
