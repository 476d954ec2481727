import { withTimeLimit } from '@cortex-mqtt/contracts';

/**
 * The queue did not take or answer an operation: it cannot be reached, is restarting, or was slower than the time
 * limit. Nothing is known about the operation's outcome when `outcome` is `unknown` (it may still happen).
 */
export class QueueUnavailableError extends Error {
  override readonly name = 'QueueUnavailableError';

  constructor(
    message: string,
    readonly outcome: 'not_done' | 'unknown',
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** A job that was waited for ended with an error; `message` is the worker's. */
export class JobFailedError extends Error {
  override readonly name = 'JobFailedError';
}

const UNAVAILABLE_MESSAGES =
  /connection is closed|stream isn't writeable|connection terminated|connection timeout|timeout exceeded when trying to connect|query read timeout|command timed out|connection ended|client was closed|client has encountered a connection error|loading the dataset|server is closed|READONLY|CLUSTERDOWN|MASTERDOWN|max number of clients|max retries per request|OOM command not allowed|MISCONF|cannot use a pool/i;
const UNAVAILABLE_CODES =
  /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|57P0[1-5]|08\w{3}|53\w{3}|40\w{3}|25006)/;

/** True for errors that mean "the backend is away", as opposed to "the operation is wrong". */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof QueueUnavailableError) return true;
  if (typeof error !== 'object' || error === null) return false;
  // By what it has, not by its class: an error of Node's own may be of another realm, where `instanceof` is false.
  const { code, message, errors } = error as { code?: unknown; message?: unknown; errors?: unknown };
  if (typeof code === 'string' && UNAVAILABLE_CODES.test(code)) return true;
  if (Array.isArray(errors) && errors.some(isUnavailable)) return true;
  return typeof message === 'string' && UNAVAILABLE_MESSAGES.test(message);
}

/** Data exceptions and program limits (PostgreSQL, appendix A). */
const CONTENT_CODES = /^(22\w{3}|54\w{3}|ERR_STRING_TOO_LONG)$/;
const CONTENT_MESSAGES = /invalid string length|invalid bulk length|exceeds maximum allowed size/i;

/**
 * True for errors that are about what was to be written: it will be refused each time. Everything else may pass, a right
 * that was taken away or a replica that is down included.
 */
export function isContentRefused(error: unknown): boolean {
  if (error instanceof QueueUnavailableError || typeof error !== 'object' || error === null) return false;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && CONTENT_CODES.test(code)) return true;
  return typeof message === 'string' && CONTENT_MESSAGES.test(message);
}

/**
 * Settles like `operation`, but no later than `limit_ms`. BullMQ's `add()` waits for ever while Redis was never up, so
 * every operation goes through here. `onLateSuccess` hears of an operation that succeeded after it was given up.
 */
export async function withQueueLimit<T>(
  what: string,
  limit_ms: number,
  operation: Promise<T>,
  onLateSuccess?: (value: T) => void,
): Promise<T> {
  let expired = false;
  const atLimit = () => {
    expired = true;
    throw new QueueUnavailableError(`${what}: no answer from the queue within ${limit_ms} ms`, 'unknown');
  };
  const watched = operation.then(
    (value) => {
      if (expired) onLateSuccess?.(value);
      return value;
    },
    (error: unknown) => {
      if (isUnavailable(error) && !(error instanceof QueueUnavailableError)) {
        throw new QueueUnavailableError(`${what}: ${describeError(error)}`, 'unknown', { cause: error });
      }
      throw error;
    },
  );
  return withTimeLimit(watched, { limit_ms, atLimit });
}

/** An error in words, also for the AggregateError that Node gives for a refused connection (its message is empty). */
export function describeError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, errors } = error as { message?: unknown; errors?: unknown };
  if (Array.isArray(errors) && !message) return errors.map(describeError).join('; ');
  return typeof message === 'string' ? message : String(error);
}
