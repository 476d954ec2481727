import { isNativeError } from 'node:util/types';
import type { ConnectionFailure } from './diagnosis/failure';

/** Reason codes that refuse MQTT 5 as such: unacceptable version (3.1.1), malformed packet, unsupported version. */
const REFUSES_FIVE = new Set([0x01, 0x81, 0x84]);
/** What the ends of sockets are called when the other side hung up. */
const HUNG_UP = new Set(['ECONNRESET', 'EPIPE']);

/**
 * What the end of an attempt with MQTT 5, before a CONNACK that accepts, says about the version. `refused`: the broker said so.
 * `unanswered`: it hung up, reset the connection or kept silent, as old brokers do that don't know the version; it may as
 * well have been starting. null: it has another reason. One rule for connection tests and live sessions.
 */
export function mayBeForVersion(failure: ConnectionFailure): 'refused' | 'unanswered' | null {
  if (isNativeError(failure)) {
    const code = 'code' in failure ? failure.code : null;
    if (typeof code === 'number') return REFUSES_FIVE.has(code) ? 'refused' : null;
    if (failure.message === 'connack timeout') return 'unanswered';
    // Before the way to the CONNECT packet was through, nobody has seen a version.
    if ('stage' in failure && failure.stage !== undefined && failure.stage !== 'connect') return null;
    return typeof code === 'string' && HUNG_UP.has(code) ? 'unanswered' : null;
  }
  switch (failure.kind) {
    case 'reason':
      return REFUSES_FIVE.has(failure.reason_code) ? 'refused' : null;
    case 'closed':
    case 'timeout':
      return 'unanswered';
    case 'shared_ignored':
      return null;
  }
}
