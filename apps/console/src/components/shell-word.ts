/** Safe as one word of a POSIX shell. */
export function shellWord(value: string): string {
  return /^[A-Za-z0-9_:/.@-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
