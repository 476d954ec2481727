import { CompiledAction } from './action-runner';
import { type ActionBench, buildAction, buildScope, createActionBench } from './testing/action-bench';

let bench: ActionBench;

beforeEach(() => {
  bench = createActionBench();
});

afterEach(() => bench.stop());

describe('a compiled action', () => {
  it('prepares each message anew', async () => {
    const action = new CompiledAction(buildAction({ type: 'log', message: 'order {{params.order}}' }));
    for (const order of ['7', '8']) {
      const scope = buildScope({ envelope: { params: { order } } });
      expect(await bench.runner.prepare(action, scope)).toMatchObject({
        kind: 'ready',
        prepared: { message: `order ${order}` },
      });
    }
  });

  it('of an unknown type fails the messages that need it, not the revision it came with', () => {
    const action = new CompiledAction({ id: 'a1', type: 'fax', enabled: true });
    expect(() => bench.runner.prepare(action, buildScope())).toThrow('this listener knows no action of type "fax"');
  });

  it('with a template that can not be read fails each message that needs it', () => {
    const broken = { id: 'a1', type: 'log', enabled: true, message: '{{payload.' };
    const action = new CompiledAction(broken);
    for (const _message of [1, 2]) expect(() => bench.runner.prepare(action, buildScope())).toThrow('{{');
  });

  it('is skipped when its condition is not true', async () => {
    const action = new CompiledAction(buildAction({ type: 'log', when: 'payload.order.id > 1000000' }));
    expect(await bench.runner.prepare(action, buildScope())).toEqual({ kind: 'skipped' });
  });
});
