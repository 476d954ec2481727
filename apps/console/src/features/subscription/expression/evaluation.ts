/** What the worker is asked, one at a time. */
export interface EvaluateRequest {
  expression: string;
  input: unknown;
}

export type EvaluateReply =
  | { kind: 'ready' }
  | { kind: 'value'; json: string | null }
  | { kind: 'fault'; message: string; position: number | null };

export type Evaluation =
  | { state: 'value'; json: string | null }
  | { state: 'fault'; message: string; position: number | null }
  | { state: 'too-long' };

/** The part of a Worker that is used; a test hands in another. */
export interface EvaluationWorker {
  postMessage: (request: EvaluateRequest) => void;
  onmessage: ((event: { data: EvaluateReply }) => void) | null;
  terminate: () => void;
}

export interface Evaluator {
  evaluate: (expression: string, input: unknown) => Promise<Evaluation>;
  close: () => void;
}

interface Waiting {
  request: EvaluateRequest;
  settle: (result: Evaluation) => void;
}

/**
 * Evaluates expressions away from the page, one after another. A worker whose expression does not end is thrown away;
 * the expressions behind it go to a new one. The time it takes to start does not count.
 */
export function createEvaluator({
  startWorker,
  time_limit_ms,
}: {
  startWorker: () => EvaluationWorker;
  time_limit_ms: number;
}): Evaluator {
  const queue: Waiting[] = [];
  let worker: EvaluationWorker | null = null;
  let isReady = false;
  let current: Waiting | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const finish = (result: Evaluation) => {
    clearTimeout(timer);
    current?.settle(result);
    current = null;
    next();
  };

  const next = () => {
    if (current || queue.length === 0) return;
    worker ??= start();
    if (!isReady) return;
    current = queue.shift() ?? null;
    if (!current) return;
    timer = setTimeout(() => {
      drop();
      finish({ state: 'too-long' });
    }, time_limit_ms);
    worker.postMessage(current.request);
  };

  const start = (): EvaluationWorker => {
    const started = startWorker();
    started.onmessage = ({ data }) => {
      if (data.kind === 'ready') {
        isReady = true;
        next();
      } else if (data.kind === 'value') finish({ state: 'value', json: data.json });
      else finish({ state: 'fault', message: data.message, position: data.position });
    };
    return started;
  };

  const drop = () => {
    worker?.terminate();
    worker = null;
    isReady = false;
  };

  return {
    evaluate: (expression, input) =>
      new Promise((settle) => {
        queue.push({ request: { expression, input }, settle });
        next();
      }),
    close: () => {
      queue.length = 0;
      clearTimeout(timer);
      current = null;
      drop();
    },
  };
}

/** Line and column (both from 1) of a place in a text. */
export function placeOf(text: string, position: number): { line: number; column: number } {
  const before = text.slice(0, Math.min(position, text.length));
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') };
}
