import type { IClientPublishOptions, MqttClient } from 'mqtt';
import { ActionFault } from '../action-fault';
import { limitFault, NO_LIMITS, type PublishLimits } from './publish-limits';
import { withTimeLimit } from './publish-time-limit';
import type { PublishRequest, Publisher } from './publisher';

/** Reason codes that the same message would get again: not authorised, topic name invalid, payload format invalid (MQTT 5, 3.4.2.1). */
const PERMANENT_REASONS = new Set([0x87, 0x90, 0x99]);

/**
 * Publishes through the client that `client()` gives at the moment, null while there is no connection. Its owner connects
 * it and keeps it apart from the receiving one.
 */
export function createMqttPublisher({
  client,
  limits = () => NO_LIMITS,
}: {
  client: () => MqttClient | null;
  /** What the broker of that connection takes. */
  limits?: () => PublishLimits;
}): Publisher {
  return {
    get supports_properties() {
      return client()?.options.protocolVersion === 5;
    },
    publish: (request, { signal: outer, timeout_ms }) => {
      const current = client();
      if (current === null || !current.connected) {
        return Promise.reject(fault('there is no connection to publish on', { code: 'NOT_CONNECTED' }));
      }
      const version = current.options.protocolVersion === 5 ? 5 : 4;
      const beyond = limitFault(request, limits(), version);
      if (beyond !== null) return Promise.reject(fault(beyond, { code: 'BROKER_LIMIT' }, true));
      return withTimeLimit(
        (signal) =>
          new Promise<void>((resolve, reject) => {
            const onAbort = () => reject(fault('the broker has not confirmed in time', { code: 'TIMEOUT' }));
            if (signal.aborted) return onAbort();
            signal.addEventListener('abort', onAbort, { once: true });
            current.publish(request.topic, request.payload, optionsOf(request, current), (error, packet) => {
              signal.removeEventListener('abort', onAbort);
              const reason = reasonOf(packet) ?? reasonOf(error);
              if (reason !== null && reason >= 0x80) {
                const permanent = PERMANENT_REASONS.has(reason);
                reject(
                  fault(
                    `the broker refused the message (reason 0x${reason.toString(16)})`,
                    { code: 'PUBACK', status: reason },
                    permanent,
                  ),
                );
              } else if (error) reject(fault(error.message, { code: 'PUBLISH' }));
              else resolve();
            });
          }),
        { timeout_ms, signal: outer },
      );
    },
  };
}

function optionsOf(request: PublishRequest, client: MqttClient): IClientPublishOptions {
  const { qos, retain, user_properties, content_type, message_expiry_s, correlation_data } = request;
  if (client.options.protocolVersion !== 5) return { qos, retain };
  return {
    qos,
    retain,
    properties: {
      // mqtt-packet writes a malformed packet for an empty object.
      ...(Object.keys(user_properties).length === 0 ? {} : { userProperties: user_properties }),
      ...(content_type === null ? {} : { contentType: content_type }),
      ...(message_expiry_s === null ? {} : { messageExpiryInterval: message_expiry_s }),
      ...(correlation_data == null ? {} : { correlationData: correlation_data }),
    },
  };
}

function reasonOf(source: unknown): number | null {
  if (typeof source !== 'object' || source === null) return null;
  if ('reasonCode' in source && typeof source.reasonCode === 'number') return source.reasonCode;
  return 'code' in source && typeof source.code === 'number' ? source.code : null;
}

function fault(message: string, detail: { code: string; status?: number }, permanent = false): ActionFault {
  return new ActionFault(message, { permanent, detail });
}
