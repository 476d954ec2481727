/** Local time to the minute, such as `2026-03-01T14:30`, as addresses and inputs have it. */
export function localMoment(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Local time of an address as a moment (RFC 3339); a day alone is its beginning. Undefined when it is neither. */
export function instantOf(local: string): string | undefined {
  if (local === '') return undefined;
  // A day alone would be read as UTC.
  const ms = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(local) ? `${local}T00:00` : local);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
