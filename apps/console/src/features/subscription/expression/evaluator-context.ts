import { createContext, useContext, useEffect, useState } from 'react';
import { createEvaluator, type EvaluationWorker, type Evaluator } from './evaluation';

const EvaluatorContext = createContext<Evaluator | null>(null);

export const EvaluatorProvider = EvaluatorContext.Provider;

/** One worker for all the editors of a page; it starts with the first expression and ends with the page. */
export function useNewEvaluator(): Evaluator {
  const [evaluator] = useState(() =>
    createEvaluator({
      startWorker: () =>
        new Worker(new URL('./jsonata.worker.ts', import.meta.url), { type: 'module' }) as unknown as EvaluationWorker,
      time_limit_ms: 1_000,
    }),
  );
  useEffect(() => () => evaluator.close(), [evaluator]);
  return evaluator;
}

export function useEvaluator(): Evaluator {
  const evaluator = useContext(EvaluatorContext);
  if (!evaluator) throw new Error('useEvaluator is for editors inside an EvaluatorProvider');
  return evaluator;
}
