import { isNativeError } from 'node:util/types';
import { proxyOf } from '../proxy-tunnel';
import type { FailureContext, Finding } from './failure';
import { diagnoseNetworkError, type NetworkFailure } from './network-faults';

/** Whether a diagnosis is that the proxy wants credentials, or others: trying again soon won't change that. */
export function isProxyRefusal({ code }: { code: string }): boolean {
  return code === 'PROXY_WANTS_CREDENTIALS' || code === 'PROXY_REFUSES_CREDENTIALS';
}

/** Why an HTTP proxy made no tunnel to the broker. */
export function diagnoseProxy(failure: NetworkFailure, context: FailureContext): Finding {
  const { broker } = context;
  const proxy = proxyOf(broker);
  const where = `${proxy?.host} port ${proxy?.port}`;
  const target = `${broker.host} port ${broker.port}`;
  if (!isNativeError(failure)) return diagnoseNetworkError('proxy', failure, context);
  const code = 'code' in failure && typeof failure.code === 'string' ? failure.code : '';
  const status = 'http_status' in failure && typeof failure.http_status === 'number' ? failure.http_status : null;
  if (status !== null) return refused(status, { where, target, has_credentials: broker.proxy_username !== null });
  if (code.startsWith('HPE_')) {
    return {
      code: 'NOT_A_PROXY',
      cause: `What listens at ${where} does not speak HTTP.`,
      advice: 'Check host and port of the proxy in the broker settings.',
    };
  }
  return diagnoseNetworkError('proxy', failure, context);
}

function refused(
  status: number,
  { where, target, has_credentials }: { where: string; target: string; has_credentials: boolean },
): Finding {
  if (status === 407 && has_credentials) {
    return {
      code: 'PROXY_REFUSES_CREDENTIALS',
      cause: `The proxy at ${where} does not accept the user name or the password for it (407).`,
      advice:
        'Check both in the broker settings; enter the password again, since the stored one cannot be read back. Only Basic authentication is supported.',
    };
  }
  if (status === 407) {
    return {
      code: 'PROXY_WANTS_CREDENTIALS',
      cause: `The proxy at ${where} wants a user name and password (407).`,
      advice:
        'Enter the user name and password for the proxy in the broker settings. Only Basic authentication is supported.',
    };
  }
  if (status === 401 || status === 403) {
    return {
      code: 'PROXY_FORBIDS',
      cause: `The proxy at ${where} forbids tunnels to ${target} (${status}).`,
      advice: 'Have host and port of the broker allowed at the proxy; many allow port 443 only.',
    };
  }
  if (status >= 500) {
    return {
      code: 'PROXY_CANNOT_REACH_BROKER',
      cause: `The proxy at ${where} cannot reach ${target} (${status}).`,
      advice: 'Check host and port of the broker, and the way from the proxy to it.',
    };
  }
  return {
    code: 'NOT_A_PROXY',
    cause: `What listens at ${where} makes no tunnels: it answered ${status} to CONNECT.`,
    advice: 'Check host and port of the proxy in the broker settings: this looks like a web server.',
  };
}
