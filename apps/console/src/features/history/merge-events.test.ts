import type { ConnectionEvent } from '../../api/types';
import { mergeEvents } from './merge-events';

const event = (id: number): ConnectionEvent => ({
  id,
  at: '2026-01-01T00:00:00Z',
  instance_id: null,
  type: 'online',
  broker: null,
  detail: {},
});

describe('pages of events put together', () => {
  it('shows an event of two pages once, and the newest first', () => {
    expect(mergeEvents([event(5), event(4), event(4), event(3), event(6)]).map(({ id }) => id)).toEqual([6, 5, 4, 3]);
  });
});
