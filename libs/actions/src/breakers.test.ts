import { ActionFault } from './action-fault';
import { createBreakers } from './breakers';

const failing = (permanent: boolean) => () =>
  Promise.reject(new ActionFault('no', { permanent, detail: { code: 'TEST' } }));

describe('breakerFor', () => {
  it('leaves a destination alone after failures in a row, and the others not', async () => {
    const changes: string[] = [];
    const { breakerFor } = createBreakers({
      failures: 3,
      pause_ms: 60_000,
      onChange: (name, state) => changes.push(`${name} ${state}`),
    });
    for (let n = 0; n < 3; n += 1) await expect(breakerFor('a').run(failing(false))).rejects.toThrow('no');
    const attempt = jest.fn();
    await expect(breakerFor('a').run(attempt)).rejects.toMatchObject({
      permanent: false,
      detail: { code: 'BREAKER_OPEN' },
    });
    expect(attempt).not.toHaveBeenCalled();
    expect(breakerFor('a').state).toBe('open');
    expect(await breakerFor('b').run(async () => 'fine')).toBe('fine');
    expect(changes).toEqual(['a open']);
  });

  it('counts failures in a row only: a success in between begins anew', async () => {
    const { breakerFor } = createBreakers({ failures: 2 });
    for (let n = 0; n < 5; n += 1) {
      await expect(breakerFor('a').run(failing(false))).rejects.toThrow('no');
      expect(await breakerFor('a').run(async () => 'fine')).toBe('fine');
    }
    expect(breakerFor('a').state).toBe('closed');
    for (let n = 0; n < 2; n += 1) await expect(breakerFor('a').run(failing(false))).rejects.toThrow('no');
    expect(breakerFor('a').state).toBe('open');
  });

  it('gives what is there at once without a promise, and counts what fails at once', async () => {
    const { breakerFor } = createBreakers({ failures: 1, pause_ms: 60_000 });
    expect(breakerFor('a').run(() => 'at once')).toBe('at once');
    const attempt = () => {
      throw new ActionFault('no', { permanent: false, detail: { code: 'TEST' } });
    };
    await expect(breakerFor('a').run(attempt)).rejects.toThrow('no');
    expect(breakerFor('a').state).toBe('open');
  });

  it('does not count permanent faults: the destination is alive', async () => {
    const { breakerFor } = createBreakers({ failures: 2 });
    for (let n = 0; n < 10; n += 1) await expect(breakerFor('a').run(failing(true))).rejects.toThrow('no');
    expect(breakerFor('a').state).toBe('closed');
  });

  it('closes again once a trial succeeds', async () => {
    jest.useFakeTimers();
    try {
      const { breakerFor } = createBreakers({ failures: 1, pause_ms: 1_000 });
      await expect(breakerFor('a').run(failing(false))).rejects.toThrow('no');
      jest.setSystemTime(Date.now() + 120_000);
      expect(await breakerFor('a').run(async () => 'back')).toBe('back');
      expect(breakerFor('a').state).toBe('closed');
    } finally {
      jest.useRealTimers();
    }
  });

  it('says that a destination is back whoever found out, a trial or a person', async () => {
    const changes: string[] = [];
    const breakers = createBreakers({ failures: 1, pause_ms: 60_000, onChange: (_name, state) => changes.push(state) });
    await expect(breakers.breakerFor('a').run(failing(false))).rejects.toThrow('no');
    breakers.tryNow('a');
    expect(changes).toEqual(['open']);
    expect(await breakers.breakerFor('a').run(async () => 'back')).toBe('back');
    expect(changes).toEqual(['open', 'closed']);
    await expect(breakers.breakerFor('a').run(failing(false))).rejects.toThrow('no');
    breakers.close('a');
    expect(changes).toEqual(['open', 'closed', 'open', 'closed']);
  });
});
