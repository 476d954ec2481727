/** What contains `text`, as a pattern of LIKE and ILIKE. */
export function containsPattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
