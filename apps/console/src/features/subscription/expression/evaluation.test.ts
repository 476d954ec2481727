import { createEvaluator, type EvaluateRequest, type EvaluationWorker, placeOf } from './evaluation';

/** A worker that is ready when told, and never answers `forever`. */
function buildWorkers() {
  const started: (EvaluationWorker & { terminated: boolean; ready: () => void })[] = [];
  const startWorker = (): EvaluationWorker => {
    const worker = {
      onmessage: null as EvaluationWorker['onmessage'],
      terminated: false,
      ready: () => worker.onmessage?.({ data: { kind: 'ready' } }),
      terminate: () => {
        worker.terminated = true;
      },
      postMessage: ({ expression }: EvaluateRequest) => {
        if (expression === 'forever') return;
        queueMicrotask(() => worker.onmessage?.({ data: { kind: 'value', json: JSON.stringify(expression) } }));
      },
    };
    started.push(worker);
    if (started.length > 1) queueMicrotask(worker.ready);
    return worker;
  };
  return { started, startWorker };
}

describe('evaluating expressions in a worker', () => {
  it('answers each one, once the worker is ready', async () => {
    const { started, startWorker } = buildWorkers();
    const evaluator = createEvaluator({ startWorker, time_limit_ms: 50 });
    const results = Promise.all([evaluator.evaluate('a', {}), evaluator.evaluate('b', {})]);
    started[0]?.ready();
    expect(await results).toEqual([
      { state: 'value', json: '"a"' },
      { state: 'value', json: '"b"' },
    ]);
  });

  it('throws a worker away whose expression does not end, and goes on with those behind it', async () => {
    const { started, startWorker } = buildWorkers();
    const evaluator = createEvaluator({ startWorker, time_limit_ms: 10 });
    const results = Promise.all([evaluator.evaluate('forever', {}), evaluator.evaluate('b', {})]);
    started[0]?.ready();
    expect(await results).toEqual([{ state: 'too-long' }, { state: 'value', json: '"b"' }]);
    expect(started.map((worker) => worker.terminated)).toEqual([true, false]);
  });
});

describe('the place of a fault', () => {
  it('counts lines and columns from 1', () => {
    expect(placeOf('a\nbc', 3)).toEqual({ line: 2, column: 2 });
    expect(placeOf('abc', 0)).toEqual({ line: 1, column: 1 });
  });
});
