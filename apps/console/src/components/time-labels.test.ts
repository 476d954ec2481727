import { timeLabels } from './time-labels';

const at = (...parts: [number, number, number, number?]) =>
  new Date(2026, 0, parts[0], parts[1], parts[2], parts[3] ?? 0).getTime() / 1_000;

describe('labels under an axis of time', () => {
  it('tell as much as the steps need', () => {
    expect(timeLabels([at(5, 9, 30)], 300)).toEqual(['09:30']);
    expect(timeLabels([at(5, 9, 30, 15)], 15)).toEqual(['09:30:15']);
    expect(timeLabels([at(5, 12, 0), at(6, 12, 0)], 86_400)).toEqual(['5 Jan', '6 Jan']);
  });

  it('tell where a new day begins', () => {
    expect(timeLabels([at(5, 18, 0), at(6, 0, 0), at(6, 6, 0)], 21_600)).toEqual(['18:00', '6 Jan', '06:00']);
  });
});
