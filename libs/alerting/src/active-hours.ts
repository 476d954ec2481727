import type { ActiveHours } from './alert-rule';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const formats = new Map<string, Intl.DateTimeFormat>();

/** Day of the week (0 = Sunday) and minutes since midnight in a time zone. @throws RangeError for an unknown zone. */
export function localTime(at_ms: number, timezone: string): { day: number; minute: number } {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timezone, format);
  }
  const parts = new Map(format.formatToParts(at_ms).map(({ type, value }) => [type, value]));
  return {
    day: DAYS.indexOf(parts.get('weekday') ?? ''),
    minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
  };
}

/** `HH:MM` in minutes since midnight; null when it is none. */
export function minutesOf(time: string): number | null {
  const match = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(time);
  if (match === null) return null;
  const minutes = Number(match[1]) * 60 + Number(match[2]);
  return minutes <= 1440 ? minutes : null;
}

/** Hours may pass midnight (22:00 to 06:00); the day is the one on which they begin. */
export function isActiveAt({ days, from, to, timezone }: ActiveHours, at_ms: number): boolean {
  const { day, minute } = localTime(at_ms, timezone);
  const begin = minutesOf(from) ?? 0;
  const end = minutesOf(to) ?? 1440;
  if (begin < end) return days.includes(day) && minute >= begin && minute < end;
  if (minute >= begin) return days.includes(day);
  return minute < end && days.includes((day + 6) % 7);
}
