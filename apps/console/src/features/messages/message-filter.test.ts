import { filterIn, filterQuery, isFiltered, selectionOf } from './message-filter';

describe('the filter of messages', () => {
  it('lives in the address, and leaves out what is not set or makes no sense', () => {
    const filter = filterIn(new URLSearchParams('topic=a/%2B&outcome=dead&subscription=x'));
    expect(filterQuery(filter)).toEqual({ topic: 'a/+', outcome: 'dead' });
    expect(isFiltered(filter)).toBe(true);
    expect(isFiltered(filterIn(new URLSearchParams('outcome=unknown')))).toBe(false);
  });

  it('becomes the selection of a replay without its outcome', () => {
    const filter = filterIn(new URLSearchParams('topic=a&outcome=dead&subscription=3'));
    expect(selectionOf(filter)).toEqual({ topic: 'a', subscription_id: 3 });
  });
});
