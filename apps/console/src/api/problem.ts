import type { FieldFault, Problem } from './types';

/** A request that the server answered with an error, or that never reached it (`status` 0). */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiError';
  }

  get status(): number {
    return this.problem.status;
  }

  get faults(): FieldFault[] {
    return this.problem.errors ?? [];
  }
}

/** The faults as a form wants them. `strip` removes what the API calls the part of the body that the form shows. */
export function faultsByField(error: unknown, strip = ''): Record<string, string> {
  if (!(error instanceof ApiError)) return {};
  const byField: Record<string, string> = {};
  for (const { field, message } of error.faults) {
    const name = strip && field.startsWith(strip) ? field.slice(strip.length) : field;
    byField[name] = byField[name] ? `${byField[name]}; ${message}` : message;
  }
  return byField;
}

/** What went wrong, in words a person can act on. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    const faults = error.faults.map((fault) => (fault.field ? `${fault.field} ${fault.message}` : fault.message));
    return faults.length > 0 ? faults.join('; ') : error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
