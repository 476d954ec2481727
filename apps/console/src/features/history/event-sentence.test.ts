import type { ConnectionEvent } from '../../api/types';
import { sentenceOf } from './event-sentence';

function buildEvent(overrides: Partial<ConnectionEvent>): ConnectionEvent {
  return {
    id: 1,
    at: '2026-01-01T00:00:00Z',
    instance_id: 'edge-1',
    type: 'connected',
    broker: 'primary',
    detail: {},
    ...overrides,
  };
}

describe('the sentence of a connection event', () => {
  it('names the broker, the circumstances and the listener', () => {
    expect(sentenceOf(buildEvent({ detail: { session_present: true } }))).toEqual({
      tone: 'ok',
      text: 'Connected to the first broker',
      detail: 'the broker had kept the session · by edge-1',
    });
  });

  it('tells a broken connection from one that the listener closed', () => {
    const lost = sentenceOf(
      buildEvent({ type: 'disconnected', detail: { code: 'ECONNRESET', cause: 'It was reset.' } }),
    );
    expect(lost).toMatchObject({ tone: 'bad', detail: 'It was reset. · by edge-1' });
    const closed = sentenceOf(buildEvent({ type: 'disconnected', detail: { code: 'CLOSED_BY_LISTENER' } }));
    expect(closed).toMatchObject({ tone: 'off', text: 'Closed the connection to the first broker' });
  });

  it('counts attempts from the second one on', () => {
    const failed = (attempt: number) =>
      sentenceOf(buildEvent({ type: 'connect_failed', broker: 'spare', detail: { attempt } }));
    expect(failed(1).detail).toBe('by edge-1');
    expect(failed(7)).toMatchObject({ text: 'Could not connect to broker “spare”', detail: 'attempt 7 · by edge-1' });
  });

  it('says of an emptied session where messages may wait still', () => {
    const adopted = (not_emptied: string[]) =>
      sentenceOf(
        buildEvent({ type: 'session_adopted', broker: null, detail: { from: 'gone', messages: 2, not_emptied } }),
      );
    expect(adopted([])).toMatchObject({ tone: 'ok', text: 'Delivered what waited for gone: 2 messages' });
    expect(adopted(['old.example:1883'])).toMatchObject({
      tone: 'warn',
      detail: expect.stringContaining('old.example:1883') as string,
    });
  });

  it('tells an event it does not know by its type, and one of the whole product without a listener', () => {
    expect(sentenceOf(buildEvent({ type: 'moon_rose', instance_id: null }))).toEqual({
      tone: 'off',
      text: 'moon rose',
      detail: '',
    });
  });
});
