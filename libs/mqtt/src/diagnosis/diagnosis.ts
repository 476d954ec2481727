import { isNativeError } from 'node:util/types';
import type { Diagnosis, TestStage } from '@cortex-mqtt/contracts';
import type { ConnectionFailure, FailureContext, Finding } from './failure';
import { diagnoseMqttReason, SHARED_TAKEN_LITERALLY } from './mqtt-faults';
import { diagnoseNetworkError } from './network-faults';
import { diagnoseProxy } from './proxy-faults';
import { diagnoseTlsError } from './tls-faults';
import { type ProxyAddress, proxyOf } from '../proxy-tunnel';

/**
 * Why a connection failed at `stage`, in plain words, and what to do about it. An error that carries a `stage` of its own (a
 * broker stream's do) knows better. Never throws; what isn't known comes as `UNKNOWN` with the error's own message.
 */
export function diagnoseFailure(stage: TestStage, failure: ConnectionFailure, context: FailureContext): Diagnosis {
  const at = isNativeError(failure) ? (stageOf(failure) ?? stage) : stage;
  const proxy = proxyOf(context.broker);
  const setting = isNativeError(failure) ? invalidSetting(failure) : null;
  if (setting !== null) return { stage: at, ...setting };
  if (proxy !== null && (at === 'dns' || at === 'tcp')) return proxyUnreachable(at, failure, { context, proxy });
  const finding = find(at, failure, context);
  return { stage: finding.stage ?? at, code: finding.code, cause: finding.cause, advice: finding.advice };
}

/** The way to the proxy has the faults of any way; only what to look at is another. */
function proxyUnreachable(
  at: TestStage,
  failure: ConnectionFailure,
  { context, proxy }: { context: FailureContext; proxy: ProxyAddress },
): Diagnosis {
  const broker = { ...context.broker, ...proxy, proxy_url: null };
  const { stage = at, code, cause } = find(at, failure, { ...context, broker });
  return {
    stage,
    code,
    cause: `The HTTP proxy cannot be reached. ${cause}`,
    advice: 'Check the proxy in the broker settings, whether it runs, and the firewalls between here and it.',
  };
}

// `isNativeError`, not `instanceof`: errors of Node's core don't pass that in another realm, such as a test runner's.
function find(stage: TestStage, failure: ConnectionFailure, context: FailureContext): Finding {
  if (!isNativeError(failure)) {
    if (failure.kind === 'reason') return diagnoseMqttReason(failure, context);
    if (failure.kind === 'shared_ignored') return SHARED_TAKEN_LITERALLY;
    return stage === 'proxy' ? diagnoseProxy(failure, context) : diagnoseNetworkError(stage, failure, context);
  }
  if (stage === 'proxy') return diagnoseProxy(failure, context);
  const reason_code = mqttReasonOf(failure);
  if (reason_code !== null) return diagnoseMqttReason({ kind: 'reason', packet: 'connack', reason_code }, context);
  // What the port speaks explains more than the symptom does.
  if (context.port_speaks == null) {
    const tls = diagnoseTlsError(failure, context);
    if (tls !== null) return tls;
  }
  return diagnoseNetworkError(stage, failure, context);
}

/** Found here, before anything was sent; the message names the field. */
function invalidSetting(error: Error): Omit<Diagnosis, 'stage'> | null {
  const code = 'code' in error ? error.code : null;
  if (code !== 'INVALID_SETTING' && code !== 'INVALID_CERTIFICATE_SETTING') return null;
  const is_certificate = code === 'INVALID_CERTIFICATE_SETTING';
  return {
    code: is_certificate ? 'CERTIFICATE_SETTINGS_INVALID' : 'BROKER_SETTING_INVALID',
    cause: `A broker setting cannot be used: ${error.message}.`,
    advice: 'Correct this field in the broker settings.',
  };
}

/** The numeric `code` of mqtt.js' errors; Node's are strings. */
function mqttReasonOf(error: Error): number | null {
  return 'code' in error && typeof error.code === 'number' ? error.code : null;
}

function stageOf(error: Error): TestStage | null {
  return 'stage' in error && typeof error.stage === 'string' ? (error.stage as TestStage) : null;
}
