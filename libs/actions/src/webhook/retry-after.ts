/**
 * Milliseconds that a `Retry-After` asks for: seconds or an HTTP date (RFC 9110, 10.2.3); null when it is neither. A date in the
 * past is 0.
 */
export function parseRetryAfter(value: string | undefined, now: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const at = parseHttpDate(text, now);
  return at === null ? null : Math.max(0, at - now);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = `(${MONTHS.join('|')})`;
const TIME = '(\\d{2}):(\\d{2}):(\\d{2})';

/** The three forms of RFC 9110, 5.6.7. `Date.parse` takes much else for a date, "soon 2" among it. */
const IMF_FIXDATE = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\\d{2}) ${MONTH} (\\d{4}) ${TIME} GMT$`);
const RFC_850 = new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\\d{2})-${MONTH}-(\\d{2}) ${TIME} GMT$`);
const ASCTIME = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} ([ \\d]\\d) ${TIME} (\\d{4})$`);

function parseHttpDate(text: string, now: number): number | null {
  const fixed = IMF_FIXDATE.exec(text);
  if (fixed) return utc(fixed[3], fixed[2], fixed[1], fixed.slice(4));
  const old = RFC_850.exec(text);
  if (old) return utc(String(fullYear(Number(old[3]), now)), old[2], old[1], old.slice(4));
  const c = ASCTIME.exec(text);
  return c ? utc(c[6], c[1], c[2], c.slice(3, 6)) : null;
}

/** A year of two digits that would be more than 50 years ahead is of the past (RFC 9110, 5.6.7). */
function fullYear(two_digits: number, now: number): number {
  const current = new Date(now).getUTCFullYear();
  const year = current - (current % 100) + two_digits;
  return year > current + 50 ? year - 100 : year;
}

function utc(year?: string, month?: string, day?: string, time: readonly (string | undefined)[] = []): number | null {
  const [hours, minutes, seconds] = time.map(Number);
  const at = Date.UTC(Number(year), MONTHS.indexOf(month ?? ''), Number(day), hours, minutes, seconds);
  return Number.isNaN(at) ? null : at;
}
