/** What is known of a failed attempt: for the dead letter, the console and the log. Never a secret. */
export interface FaultDetail {
  /** Stable, upper snake case, such as `HTTP_STATUS` or `TIMEOUT`. */
  code: string;
  /** HTTP status, MQTT reason code or the like. */
  status?: number | string;
  /** Beginning of what the destination answered, at most 2 kB. */
  response_excerpt?: string;
  /** Phase in which a request ended: `connect`, `headers` or `body`. */
  phase?: string;
  [more: string]: unknown;
}

/**
 * A failed attempt. `permanent`: the same attempt would fail again, so the delivery goes to the dead letters at once;
 * otherwise it is tried again, not before `retry_after_ms` when the destination has said so.
 */
export class ActionFault extends Error {
  override readonly name = 'ActionFault';
  readonly permanent: boolean;
  readonly retry_after_ms: number | null;
  readonly detail: FaultDetail;

  constructor(
    message: string,
    {
      permanent,
      detail,
      retry_after_ms = null,
      cause,
    }: {
      permanent: boolean;
      detail: FaultDetail;
      retry_after_ms?: number | null;
      cause?: unknown;
    },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.permanent = permanent;
    this.retry_after_ms = retry_after_ms;
    this.detail = detail;
  }
}

export const MAX_EXCERPT_CHARS = 2_048;

/** Any error of an attempt as an ActionFault. Errors that say `permanent` (expressions, payloads) are believed; others may pass. */
export function toActionFault(error: unknown): ActionFault {
  if (error instanceof ActionFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (typeof error !== 'object' || error === null)
    return new ActionFault(message, { permanent: false, detail: { code: 'FAILED' } });
  const { permanent, code, position } = error as Record<string, unknown>;
  return new ActionFault(message, {
    permanent: permanent === true,
    detail: {
      code: typeof code === 'string' ? code : 'FAILED',
      ...(typeof position === 'object' && position !== null ? { position } : {}),
    },
    cause: error,
  });
}
