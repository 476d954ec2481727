import { storableText } from '@cortex-mqtt/contracts';

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
 * otherwise it is retried, not before `retry_after_ms` when the destination has said so.
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
const MAX_MESSAGE_CHARS = 1_000;

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

/**
 * The fault as it may be written down: what the destination sent may hold our secrets, and what no store takes. `redact` comes first, so
 * that no cut leaves the beginning of a secret standing. This is the one place from which faults reach jobs, logs and people.
 */
export function presentableFault(error: unknown, redact: (text: string) => string): ActionFault {
  const { message, permanent, retry_after_ms, detail } = toActionFault(error);
  const clean: FaultDetail = { code: detail.code };
  for (const [name, value] of Object.entries(detail)) {
    const limit = name === 'response_excerpt' ? MAX_EXCERPT_CHARS : MAX_MESSAGE_CHARS;
    clean[name] = typeof value === 'string' ? storableText(redact(value), limit) : value;
  }
  return new ActionFault(storableText(redact(message), MAX_MESSAGE_CHARS), {
    permanent,
    retry_after_ms,
    detail: clean,
    cause: error,
  });
}
