const DAY_S = 86_400;

const second = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** What stands under an axis of time, at moments in seconds since 1970; local midnight is told by its date. */
export function timeLabels(moments_s: number[], step_s: number): string[] {
  return moments_s.map((moment_s) => {
    const date = new Date(moment_s * 1_000);
    const isMidnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
    if (step_s >= DAY_S || isMidnight) return day.format(date);
    return (step_s < 60 ? second : minute).format(date);
  });
}
