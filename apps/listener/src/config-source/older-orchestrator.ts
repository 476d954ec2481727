/** Places in a report that an orchestrator does not know, such as `brokers` or `delta.events[].cause`. */
export type UnknownFields = ReadonlySet<string>;

/** The places that a refusal (400) names as unknown; null when it is about anything else too. */
export function unknownFieldsOf(problem: string): string[] | null {
  let errors: unknown;
  try {
    errors = (JSON.parse(problem) as { errors?: unknown }).errors;
  } catch {
    return null;
  }
  if (!Array.isArray(errors) || errors.length === 0) return null;
  const faults = errors as { field?: unknown; message?: unknown }[];
  const places = faults.flatMap(({ field, message }) =>
    typeof field === 'string' && message === 'is not a known field' ? [field.replace(/\[\d+\]/g, '[]')] : [],
  );
  return places.length === faults.length ? places : null;
}

/** What an older orchestrator can read: the report without the fields that it has refused. */
export function withoutFields<T>(value: T, unknown: UnknownFields, place = ''): T {
  if (unknown.size === 0) return value;
  if (Array.isArray(value)) return value.map((item) => withoutFields(item, unknown, `${place}[]`)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const below = place === '' ? name : `${place}.${name}`;
      return unknown.has(below) ? [] : [[name, withoutFields(inner, unknown, below)]];
    }),
  ) as T;
}
