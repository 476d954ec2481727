import type { ConnectionStatus, DeliveryCounts, Product } from '../../api/types';
import type { Tone } from '../../components/state-language';
import { texts } from '../../texts';
import { adviceOf, refusedFilters } from '../mqtt-config/status-reading';

const words = texts.overview.problem;

/** Where a problem is fixed: a page of the product. */
export type Remedy = 'connection' | 'listeners' | 'deliveries' | 'dead' | 'settings';

export interface ProductProblem {
  tone: Extract<Tone, 'bad' | 'warn' | 'busy' | 'off'>;
  title: string;
  detail: string | null;
  remedy: Remedy;
}

/** Waiting deliveries up to this number are everyday retries. */
const MANY_WAITING = 100;

interface Known {
  product: Pick<Product, 'enabled'>;
  status: ConnectionStatus;
  /** null while the queue does not answer. */
  counts: DeliveryCounts | null;
}

/** Everything a person should look at, the gravest first; empty when all is healthy. */
export function problemsOf({ product, status, counts }: Known): ProductProblem[] {
  const problems: ProductProblem[] = [];
  if (product.enabled) {
    problems.push(...connectionProblem(status));
    for (const { report } of status.instances) {
      const rejected = report.rejected_revision;
      if (rejected) {
        problems.push({
          tone: 'bad',
          title: words.rejected(rejected.revision),
          detail: rejected.reason,
          remedy: 'connection',
        });
      }
    }
    const refused = refusedFilters(status);
    if (refused.length > 0) {
      const detail = refused.map(({ topic_filter, reason }) => `${topic_filter}: ${reason}`).join(' · ');
      problems.push({ tone: 'bad', title: words.refused(refused.length), detail, remedy: 'connection' });
    }
  }
  if (counts && counts.dead > 0) {
    problems.push({ tone: 'bad', title: words.dead(counts.dead), detail: words.deadHint, remedy: 'dead' });
  }
  const waiting = counts ? counts.waiting + counts.active : 0;
  if (waiting >= MANY_WAITING) {
    problems.push({
      tone: 'warn',
      title: words.waiting(waiting),
      detail: words.waitingHint,
      remedy: 'deliveries',
    });
  }
  return distinct(problems).sort((a, b) => SEVERITY[a.tone] - SEVERITY[b.tone]);
}

const SEVERITY: { [T in ProductProblem['tone']]: number } = { bad: 0, warn: 1, busy: 2, off: 3 };

function connectionProblem(status: ConnectionStatus): ProductProblem[] {
  const detail = [status.connection_error, adviceOf(status)].filter(Boolean).join(' ') || null;
  switch (status.state) {
    case 'connected':
      return [];
    case 'degraded':
      return [{ tone: 'warn', title: words.degraded, detail, remedy: 'connection' }];
    case 'connecting':
      return [{ tone: 'busy', title: words.connecting, detail, remedy: 'connection' }];
    case 'stale':
      return [{ tone: 'bad', title: words.stale, detail, remedy: 'listeners' }];
    case 'no_listener':
      return [{ tone: 'warn', title: words.no_listener, detail: words.noListenerHint, remedy: 'listeners' }];
    case 'disconnected': {
      const isUnconfigured =
        status.instances.length > 0 && status.instances.every(({ state }) => state === 'unconfigured');
      return isUnconfigured
        ? [{ tone: 'warn', title: words.unconfigured, detail: words.unconfiguredHint, remedy: 'connection' }]
        : [{ tone: 'bad', title: words.disconnected, detail, remedy: 'connection' }];
    }
  }
}

/** Several listeners often tell the same. */
function distinct(problems: ProductProblem[]): ProductProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.title}\n${problem.detail}`, problem])).values()];
}
