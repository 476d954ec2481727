import { checkExpression } from './check-expression';
import { type CompiledExpression, createCompiler } from './compiled-expression';
import { createEnvelope, type EnvelopeFields } from './envelope';
import { type EvaluationScope, evaluateExactly, plainScope } from './exact-evaluation';
import { ExactValue } from './exact-value';
import { ExpressionError, PayloadDecodeError } from './expression-error';
import type { EvaluationBounds } from './limits';
import { LruCache } from './lru-cache';
import { checkTemplate } from './template';
import type { SandboxInput, SandboxJob, SandboxReply, SandboxVetting } from './sandbox-protocol';

/**
 * Main of a sandbox process: one evaluation at a time, without environment, with a small heap. Its parent kills it when it
 * takes too long; when it runs out of memory it ends by itself. Either way only this one evaluation is lost.
 */
function main(): void {
  // JSONata's time limit asks Date.now() and nothing else of it (`$now` and `$millis` have their own clock). Time spent
  // waiting for a processor must not count: the expression would fail, permanently, for what others do.
  Date.now = cpuTime_ms;
  const bounds = JSON.parse(process.argv[2] ?? '') as EvaluationBounds;
  const compile = createCompiler(bounds);
  const compiled = new LruCache<string, Promise<CompiledExpression>>(500);
  const send = (reply: SandboxReply) => process.send?.(reply);

  process.on('message', (job: SandboxJob | SandboxVetting) => {
    if ('expressions' in job) {
      job.expressions.forEach(checkExpression);
      job.templates.forEach(checkTemplate);
      send({ kind: 'result', id: job.id, json: null, exact: null, rounding: 'none', cpu_ms: cpuTime_ms() });
      return;
    }
    const expression = compiled.get(job.source) ?? compile(job.source);
    compiled.set(job.source, expression);
    expression
      .then((ready) => evaluated(job, ({ input, bindings }) => ready.evaluate(input, bindings, job.moment)))
      .then(
        (value) =>
          send({
            kind: 'result',
            id: job.id,
            json: value === undefined ? null : JSON.stringify(value.value),
            exact: value?.has_own_text ? value.json : null,
            rounding: value?.rounding ?? 'none',
            cpu_ms: cpuTime_ms(),
          }),
        (error: unknown) => send(failure(job.id, error)),
      );
  });
  // A signal to the whole group is for the parent to handle: it may have evaluations to finish.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('disconnect', () => process.exit(0));
  send({ kind: 'ready', cpu_ms: cpuTime_ms() });
}

function cpuTime_ms(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function evaluated(
  job: SandboxJob,
  run: (scope: EvaluationScope) => Promise<unknown>,
): Promise<ExactValue | undefined> {
  const bindings: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(job.bindings)) bindings[name] = exactOf(text);
  const scope = { input: inputOf(job.input), bindings };
  if (job.is_exact) return evaluateExactly(scope, run);
  const value = await run(plainScope(scope));
  return value === undefined ? undefined : new ExactValue(value, null, 'none');
}

const exactOf = (text: string): ExactValue => new ExactValue(JSON.parse(text), text, 'none');

function inputOf(input: SandboxInput): unknown {
  if (input.kind === 'value') return input.json === null ? undefined : exactOf(input.json);
  return createEnvelope(JSON.parse(input.fields) as EnvelopeFields, {
    bytes: Buffer.from(input.bytes.buffer, input.bytes.byteOffset, input.bytes.byteLength),
    format: input.format,
  });
}

function failure(id: number, error: unknown): SandboxReply {
  if (error instanceof ExpressionError || error instanceof PayloadDecodeError) {
    return {
      kind: 'failure',
      id,
      error: error instanceof ExpressionError ? 'expression' : 'decode',
      code: error.code,
      message: error.message,
      position: error.position,
      cpu_ms: cpuTime_ms(),
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    kind: 'failure',
    id,
    error: 'other',
    code: 'EXPRESSION_FAILED',
    message,
    position: null,
    cpu_ms: cpuTime_ms(),
  };
}

main();
