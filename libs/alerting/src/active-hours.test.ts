import { isActiveAt, minutesOf } from './active-hours';
import { isUnderMaintenance } from './maintenance-window';

const at = (time: string): number => Date.parse(time);
const hours = { days: [1, 2, 3, 4, 5], from: '08:00', to: '18:00', timezone: 'Europe/Berlin' };

describe('active hours', () => {
  it('are those of their time zone, in summer and winter', () => {
    // Monday; Berlin is at UTC+1 in January and UTC+2 in July.
    expect(isActiveAt(hours, at('2026-01-05T07:00:00Z'))).toBe(true);
    expect(isActiveAt(hours, at('2026-01-05T06:59:00Z'))).toBe(false);
    expect(isActiveAt(hours, at('2026-07-06T06:00:00Z'))).toBe(true);
    expect(isActiveAt(hours, at('2026-07-06T16:00:00Z'))).toBe(false);
    expect(isActiveAt(hours, at('2026-01-04T10:00:00Z'))).toBe(false);
  });

  it('that pass midnight belong to the day on which they begin', () => {
    const night = { days: [5], from: '22:00', to: '06:00', timezone: 'UTC' };
    expect(isActiveAt(night, at('2026-01-02T23:00:00Z'))).toBe(true);
    expect(isActiveAt(night, at('2026-01-03T05:59:00Z'))).toBe(true);
    expect(isActiveAt(night, at('2026-01-03T06:00:00Z'))).toBe(false);
    expect(isActiveAt(night, at('2026-01-02T05:00:00Z'))).toBe(false);
  });

  it('are written as hours and minutes', () => {
    expect(['00:00', '24:00', '24:01', '7:00', '12:60'].map(minutesOf)).toEqual([0, 1440, null, null, null]);
  });
});

it('keeps maintenance to its products and its time', () => {
  const once = {
    id: 1,
    all_products: false,
    product_ids: [7],
    repeats: 'once',
    starts_at_ms: 10,
    ends_at_ms: 20,
  } as const;
  const window = { ...once, product_ids: [7] };
  expect(isUnderMaintenance([window], 7, 10)).toBe(true);
  expect(isUnderMaintenance([window], 7, 20)).toBe(false);
  expect(isUnderMaintenance([window], 8, 10)).toBe(false);
});
