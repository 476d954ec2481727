import { ParkingLot } from './parking-lot';

const half = (): number => 0.5;

it('lets one delivery look and the others wait', () => {
  const lot = new ParkingLot(half);
  expect(lot.park('d')).toEqual({ pause_ms: 1_000, looks: true });
  expect(lot.park('d')).toEqual({ pause_ms: 300_000, looks: false });
  expect(lot.park('other').looks).toBe(true);
});

it('looks less often while the destination stays away, and often again when it has been well', () => {
  const lot = new ParkingLot(half);
  const looks = Array.from({ length: 6 }, (_, index) => lot.park('d', { looked: index > 0 }).pause_ms);
  expect(looks).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  lot.open('d');
  expect(lot.isShut('d')).toBe(false);
  expect(lot.park('d').pause_ms).toBe(1_000);
});

it('has ten thousand come back at two a second if nobody calls them', () => {
  const lot = new ParkingLot(half);
  const pauses = Array.from({ length: 10_000 }, () => lot.park('d').pause_ms);
  expect(pauses.at(-1)).toBe(4_999_500);
});

it('lets those come often that others wait for', () => {
  const lot = new ParkingLot(half);
  lot.park('d');
  expect(lot.park('d', { keepsPlace: true }).pause_ms).toBeLessThanOrEqual(15_000);
});

it('looks right when the breaker lets an attempt through', () => {
  const lot = new ParkingLot(half);
  expect(lot.park('d', { shut_for_ms: 7_050 })).toEqual({ pause_ms: 7_050, looks: true });
  expect(lot.park('d', { shut_for_ms: 7_050 })).toEqual({ pause_ms: 300_000, looks: false });
});
