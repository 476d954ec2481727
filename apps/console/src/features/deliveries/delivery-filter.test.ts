import { filterBody, filterIn, isFiltered } from './delivery-filter';

describe('the filter of the deliveries', () => {
  it('shows all dead letters when the address says nothing', () => {
    const filter = filterIn(new URLSearchParams());
    expect(filter.state).toBe('dead');
    expect(isFiltered(filter)).toBe(false);
    expect(filterBody(filter)).toEqual({});
  });

  it('is what the address says', () => {
    const filter = filterIn(new URLSearchParams('state=retrying&subscription=7&error=ECONN&from=2026-01-02T03:04'));
    expect(filter.state).toBe('retrying');
    expect(isFiltered(filter)).toBe(true);
    expect(filterBody(filter)).toEqual({
      subscription_id: 7,
      error: 'ECONN',
      from: new Date(2026, 0, 2, 3, 4).toISOString(),
    });
  });

  it('takes no nonsense from the address', () => {
    const filter = filterIn(new URLSearchParams('state=alive&subscription=-1&to=tomorrow'));
    expect(filter.state).toBe('dead');
    expect(filter.subscription_id).toBeNull();
    expect(filterBody(filter)).toEqual({});
  });
});
