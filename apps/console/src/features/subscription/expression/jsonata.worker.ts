import jsonata from 'jsonata';
import type { EvaluateReply, EvaluateRequest } from './evaluation';

const reply = (answer: EvaluateReply) => self.postMessage(answer);

self.addEventListener('message', (event: MessageEvent<EvaluateRequest>) => {
  void evaluate(event.data).then(reply);
});
reply({ kind: 'ready' });

async function evaluate({ expression, input }: EvaluateRequest): Promise<EvaluateReply> {
  try {
    const value: unknown = await jsonata(expression).evaluate(input);
    return { kind: 'value', json: value === undefined ? null : (JSON.stringify(value, null, 2) ?? null) };
  } catch (error) {
    const fault = error as { message?: string; position?: number };
    return { kind: 'fault', message: fault.message ?? String(error), position: fault.position ?? null };
  }
}
