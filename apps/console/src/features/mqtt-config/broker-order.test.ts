import { movedBy } from './broker-order';

describe('the order of the brokers', () => {
  it('moves one a place up or down', () => {
    expect(movedBy([1, 2, 3], 2, -1)).toEqual([2, 1, 3]);
    expect(movedBy([1, 2, 3], 2, 1)).toEqual([1, 3, 2]);
  });

  it('stays as it is at both ends', () => {
    expect(movedBy([1, 2, 3], 1, -1)).toEqual([1, 2, 3]);
    expect(movedBy([1, 2, 3], 3, 1)).toEqual([1, 2, 3]);
    expect(movedBy([1, 2, 3], 9, 1)).toEqual([1, 2, 3]);
  });
});
