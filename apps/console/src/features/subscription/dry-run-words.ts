import type { DryRunAction, DryRunResult, DryRunStep } from '../../api/types';
import type { Tone } from '../../components/state-language';
import { texts } from '../../texts';
import { indentJson } from '../deliveries/payload-views';

const words = texts.subscription.dryRun;

export interface Verdict {
  tone: Tone;
  words: string;
}

/** One line of a dry run. */
export interface StepLine {
  key: string;
  label: string;
  tone: Tone;
  /** Short outcome beside the label. */
  outcome: string;
  /** A value to look at; null when the outcome says all. */
  value: unknown;
}

export function actionVerdict(action: DryRunAction): Verdict {
  if (!action.enabled) return { tone: 'off', words: words.off };
  if ([action.when, action.input, action.request].some((step) => step?.ok === false)) {
    return { tone: 'bad', words: words.fault };
  }
  return action.would_run ? { tone: 'ok', words: words.wouldRun } : { tone: 'off', words: words.wouldNot };
}

/** What happened before the actions, step by step. */
export function messageSteps(result: DryRunResult): StepLine[] {
  const lines: StepLine[] = [
    {
      key: 'matched',
      label: words.steps.matched,
      tone: result.matched ? 'ok' : 'bad',
      outcome: result.matched ? '' : words.steps.notMatched,
      value: Object.keys(result.params).length > 0 ? result.params : null,
    },
  ];
  if (result.decode)
    lines.push(lineOf('decode', words.steps.decode, result.decode, () => ({ outcome: '', value: null })));
  if (result.filter) lines.push(testLine('filter', words.steps.filter, result.filter));
  if (result.identity) {
    lines.push(
      lineOf('identity', words.steps.identity, result.identity, ({ message_id, carried }) => ({
        outcome: `${message_id} · ${carried ? words.carried : words.made}`,
        value: null,
      })),
    );
  }
  if (result.ordering_key) {
    lines.push(
      lineOf('ordering', words.steps.ordering, result.ordering_key, (value) => ({
        outcome: String(value),
        value: null,
      })),
    );
  }
  return lines;
}

/** What an action would do, step by step. */
export function actionSteps(action: DryRunAction): StepLine[] {
  const lines: StepLine[] = [];
  if (action.when) lines.push(testLine('when', words.steps.when, action.when));
  if (action.input) lines.push(lineOf('input', words.steps.input, action.input, (value) => ({ outcome: '', value })));
  // What a condition holds back is never sent, whatever it would have been.
  if (action.request && (action.would_run || !action.request.ok)) lines.push(...requestLines(action.request));
  return lines;
}

/** Text that is sent as it stands; it gets a line of its own, where it reads as it is sent and not as an escaped string. */
const SENT_TEXTS = ['body', 'payload'] as const;

function requestLines(request: DryRunStep<unknown>): StepLine[] {
  const head = lineOf('request', words.steps.request, request, (value) => ({ outcome: '', value }));
  if (!request.ok || typeof request.value !== 'object' || request.value === null) return [head];
  const rest: Record<string, unknown> = { ...request.value };
  const texts: StepLine[] = [];
  for (const name of SENT_TEXTS) {
    const text = rest[name];
    if (typeof text !== 'string') continue;
    delete rest[name];
    texts.push({ key: name, label: words.steps[name], tone: 'ok', outcome: '', value: indentJson(text) ?? text });
  }
  return [{ ...head, value: rest }, ...texts];
}

function testLine(key: string, label: string, step: DryRunStep<boolean>): StepLine {
  if (!step.ok) return faultLine(key, label, step.fault.message);
  return { key, label, tone: step.value ? 'ok' : 'off', outcome: step.value ? words.passes : words.stops, value: null };
}

function lineOf<T>(
  key: string,
  label: string,
  step: DryRunStep<T>,
  show: (value: T) => { outcome: string; value: unknown },
): StepLine {
  return step.ok ? { key, label, tone: 'ok', ...show(step.value) } : faultLine(key, label, step.fault.message);
}

function faultLine(key: string, label: string, message: string): StepLine {
  return { key, label, tone: 'bad', outcome: message, value: null };
}
